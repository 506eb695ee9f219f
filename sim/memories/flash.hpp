// A serial flash memory at its pins: contents, instructions, and the rules of the data sheet as
// checks. Written from data sheets alone; docs/verification.md names them, and what is left out.
// Defaults are those of the W25Q128JV (16 MB), with the longest times of its instructions.

#ifndef METABIT_MEMORIES_FLASH_HPP
#define METABIT_MEMORIES_FLASH_HPP

#include <algorithm>

#include "chip.hpp"

namespace metabit {

class Flash : public Chip {
  public:
    // What the controller puts on the lines. The clock comes as its edges.
    struct Pins {
        bool cs_n;
        unsigned io;  // four lines
        unsigned oe;  // those that the controller drives
    };

    Flash() {
        settings_ = {
            {"period", &period_, nanosecond},
            {"period03", &period_03_, nanosecond},
            {"tSLCH", &t_slch_, nanosecond},
            {"tCHSH", &t_chsh_, nanosecond},
            {"tSHSL1", &t_shsl1_, nanosecond},
            {"tSHSL2", &t_shsl2_, nanosecond},
            {"tSHQZ", &t_shqz_, nanosecond},
            {"tCLQV", &t_clqv_, nanosecond},
            {"tVSL", &t_vsl_, nanosecond},
            {"tPUW", &t_puw_, nanosecond},
            {"tDP", &t_dp_, nanosecond},
            {"tRES1", &t_res1_, nanosecond},
            {"tRES2", &t_res2_, nanosecond},
            {"tRST", &t_rst_, nanosecond},
            {"tW", &t_w_, nanosecond},
            {"tPP", &t_pp_, nanosecond},
            {"tSE", &t_se_, nanosecond},
            {"tBE2", &t_be2_, nanosecond},
            {"asleep", &asleep_at_first_, 1},
            {"continuous", &continuous_at_first_, 1},
            {"quad", &quad_at_first_, 1},
            {"memory_type", &memory_type_, 1},
            {"whole_bytes", &whole_bytes_, 1},
        };
        counters_ = {
            {"reads", &reads_},       {"bytes_read", &bytes_read_}, {"programs", &programs_},
            {"erases", &erases_},     {"resets", &resets_},         {"clocks", &clocks_},
            {"torn", &torn_},
        };
        power_up(0);
    }

    void power_up(Time now) override {
        tear(now);
        powered_ = now;
        if (quad_at_first_) kept_.two |= quad_enable;
        status_ = kept_;
        asleep_ = asleep_at_first_;
        continuous_ = continuous_at_first_;
        write_enabled_ = volatile_enabled_ = reset_enabled_ = false;
        selected_ = false;
        driven_ = let_go_ = 0;
        last_rise_ = last_fall_ = selected_at_ = never;
        deselected_at_ = busy_until_ = never;
        t_deselect_ = t_shsl1_;
        deselect_name_ = "tSHSL1";
        ready_at_ = now + t_vsl_;
        ready_name_ = "tVSL";
    }

    // The controller's lines change, or may have.
    void lines(Time now, const Pins &pins) {
        if (selected_ && pins.cs_n) deselect(now);
        if (!selected_ && !pins.cs_n) select(now);
        pins_ = pins;
        check_bus(now);
    }

    // A rising edge of the clock: the chip samples.
    void rise(Time now) {
        ++clocks_;
        if (now - last_fall_ < low_time())
            violate(now, "tCLL", "clock low for %.3f ns, not for %.3f ns",
                    double(now - last_fall_) / nanosecond, double(low_time()) / nanosecond);
        if (selected_) {
            if (first_clock_) apart(now, "tSLCH", selected_at_, t_slch_, "clock after chip select");
            sample(now);
            // From the second edge on, the instruction's limit holds for the time between edges.
            if (!first_clock_ && now - last_rise_ < least_period())
                violate(now, "frequency", "instruction %02x: clock period %.3f ns, not less than %.3f ns",
                        instruction_, double(now - last_rise_) / nanosecond,
                        double(least_period()) / nanosecond);
            first_clock_ = false;
        }
        last_rise_ = now;
    }

    // A falling edge of the clock: the chip drives.
    void fall(Time now) {
        if (now - last_rise_ < low_time())
            violate(now, "tCLH", "clock high for %.3f ns, not for %.3f ns",
                    double(now - last_rise_) / nanosecond, double(low_time()) / nanosecond);
        last_fall_ = now;
        if (selected_ && phase_ == Phase::out) shift_out(now);
    }

    // What is on the four lines.
    unsigned line(Time now) {
        unsigned value = noise_.draw();
        if (selected_ && now - last_fall_ >= t_clqv_) value = (value & ~driven_) | (out_ & driven_);
        return ((value & ~pins_.oe) | (pins_.io & pins_.oe)) & all_lines;
    }

    bool load(uint64_t address, const uint8_t *bytes, uint64_t count) override {
        if (!inside(address, count)) return false;
        std::copy_n(bytes, count, data_.begin() + address);
        return true;
    }

    bool save(uint64_t address, uint8_t *bytes, uint64_t count) const override {
        if (!inside(address, count)) return false;
        std::copy_n(data_.begin() + address, count, bytes);
        return true;
    }

  private:
    static constexpr uint64_t size = uint64_t(1) << 24;
    static constexpr unsigned page = 256, sector = 4096, block = 65536;
    static constexpr unsigned all_lines = 0xF, input_line = 1, output_line = 2;
    static constexpr uint8_t manufacturer = 0xEF, capacity = 0x18, device = 0x17;
    static constexpr uint8_t busy_bit = 1, enabled_bit = 2;  // of status register 1
    static constexpr uint8_t quad_enable = 2;                // of status register 2
    static constexpr uint8_t strength_bits = 0x60;           // of status register 3

    // Instruction codes.
    enum : uint8_t {
        write_status_1 = 0x01, page_program = 0x02, read_data = 0x03, write_disable = 0x04,
        read_status_1 = 0x05, write_enable = 0x06, fast_read = 0x0B, write_status_3 = 0x11,
        read_status_3 = 0x15, sector_erase = 0x20, write_status_2 = 0x31, read_status_2 = 0x35,
        volatile_enable = 0x50, enable_reset = 0x66, quad_output = 0x6B, quad_program = 0x32, reset = 0x99,
        read_id = 0x9F, release = 0xAB, power_down = 0xB9, block_erase = 0xD8, quad_io = 0xEB,
        exit_continuous = 0xFF,
    };

    // What the clocks after chip select mean.
    enum class Phase { instruction, address, mode, dummy, in, out, ignored };

    struct Status {
        uint8_t one, two, three;
    };

    bool inside(uint64_t address, uint64_t count) const {
        return address <= size && count <= size - address;
    }

    // 45% of the shortest period.
    Time low_time() const { return period_ * 45 / 100; }

    Time least_period() const {
        return phase_ != Phase::instruction && instruction_ == read_data ? period_03_ : period_;
    }

    bool busy(Time now) const { return now < busy_until_; }

    // ---- chip select

    void select(Time now) {
        selected_ = true;
        selected_at_ = now;
        apart(now, deselect_name_, deselected_at_, t_deselect_, "chip select");
        if (now < ready_at_)
            violate(now, ready_name_, "chip select %.3f ns too early", double(ready_at_ - now) / nanosecond);
        first_clock_ = true;
        undriven_ = refused_ = false;
        count_ = shift_ = 0;
        bytes_ = 0;
        address_ = 0;
        driven_ = 0;
        if (continuous_) {
            instruction_ = quad_io;
            phase_ = Phase::address;
        } else {
            instruction_ = 0;
            phase_ = Phase::instruction;
        }
    }

    void deselect(Time now) {
        selected_ = false;
        if (!first_clock_) apart(now, "tCHSH", last_rise_, t_chsh_, "end of chip select");
        deselected_at_ = now;
        let_go_ = driven_;
        driven_ = 0;
        const bool reads = phase_ == Phase::out || instruction_ == quad_io;
        t_deselect_ = reads ? t_shsl1_ : t_shsl2_;
        deselect_name_ = reads ? "tSHSL1" : "tSHSL2";
        if (!first_clock_ && !refused_) finish(now);
    }

    // ---- lines

    void check_bus(Time now) {
        if (pins_.oe & driven_) violate(now, "conflict", "chip and controller drive lines %x", pins_.oe & driven_);
        if (!selected_ && pins_.oe & let_go_ && now - deselected_at_ < t_shqz_)
            violate(now, "tSHQZ", "the controller drives lines %x %.3f ns after chip select, not after %.3f ns",
                    pins_.oe & let_go_, double(now - deselected_at_) / nanosecond,
                    double(t_shqz_) / nanosecond);
        if (selected_ && !(status_.two & quad_enable) && pins_.oe >> 3 & ~pins_.io >> 3 & 1)
            violate(now, "hold", "io3 is driven low without the quad enable bit: the chip would hold");
    }

    // Lines from the controller; those that nobody drives carry noise.
    unsigned sampled(Time now, unsigned lines) {
        if (lines & ~pins_.oe) {
            if (lines == all_lines)
                undriven_ = true;  // 1s on io0 alone end continuous reads
            else
                violate(now, "undriven", "nobody drives lines %x that the chip samples", lines & ~pins_.oe);
        }
        return ((pins_.io & pins_.oe) | (noise_.draw() & ~pins_.oe)) & lines;
    }

    // ---- clocks

    void sample(Time now) {
        switch (phase_) {
        case Phase::instruction:
            if (take(now, 1, 8)) instruct(now, uint8_t(shift_));
            break;
        case Phase::address:
            if (take(now, instruction_ == quad_io ? 4 : 1, 24)) located();
            break;
        case Phase::mode:
            if (take(now, 4, 8)) {
                // M5-4 = 10: the next selection begins with an address.
                continuous_ = (shift_ >> 4 & 3) == 2;
                wait(4);
            }
            break;
        case Phase::dummy:
            if (undriven_) {
                violate(now, "undriven", "nobody drives all lines of a quad address");
                undriven_ = false;
            }
            if (++count_ == dummies_) begin_out();
            break;
        case Phase::in:
            if (take(now, instruction_ == quad_program ? 4 : 1, 8)) put(now, uint8_t(shift_));
            break;
        case Phase::out:
            ++out_clocks_;
            if (reads_data() && out_clocks_ * out_lines_ % 8 == 0) ++bytes_read_;
            break;
        case Phase::ignored:
            ++count_;
            break;
        }
    }

    // Shift `lines` bits in; returns whether all of a unit are there, and makes room for the next.
    bool take(Time now, unsigned lines, unsigned bits) {
        const unsigned mask = lines == 4 ? all_lines : input_line;
        if (count_ == 0) shift_ = 0;
        shift_ = shift_ << lines | sampled(now, mask);
        count_ += lines;
        if (count_ < bits) return false;
        count_ = 0;
        return true;
    }

    void wait(unsigned clocks) {
        phase_ = Phase::dummy;
        dummies_ = clocks;
        count_ = 0;
    }

    void begin_out() {
        phase_ = Phase::out;
        count_ = 0;
        out_clocks_ = 0;
        const bool four = instruction_ == quad_io || instruction_ == quad_output;
        out_lines_ = four ? 4 : 1;
    }

    void shift_out(Time now) {
        if (count_ == 0) {
            out_byte_ = next_byte(now);
            count_ = 8;
        }
        count_ -= out_lines_;
        const unsigned bits = out_byte_ >> count_;
        driven_ = out_lines_ == 4 ? all_lines : output_line;
        out_ = out_lines_ == 4 ? bits & all_lines : (bits & 1) << 1;
        check_bus(now);
    }

    uint8_t next_byte(Time now) {
        switch (instruction_) {
        case read_id: {
            const uint8_t id[] = {manufacturer, uint8_t(memory_type_), capacity};
            return id[bytes_++ % sizeof id];
        }
        case release: return device;
        case read_status_1:
            // What the chip is busy with stays enabled until it is done.
            return (status_.one & ~(busy_bit | enabled_bit)) |
                   (busy(now) ? busy_bit | enabled_bit : write_enabled_ ? enabled_bit : 0);
        case read_status_2: return status_.two;
        case read_status_3: return status_.three;
        default: return data_[address_++ % size];
        }
    }

    // ---- instructions

    static bool writes(uint8_t code) {
        return code == write_enable || code == volatile_enable;  // the others need one of them
    }

    static bool reads_status(uint8_t code) {
        return code == read_status_1 || code == read_status_2 || code == read_status_3;
    }

    // An instruction that the chip would ignore.
    template <class... Values>
    void refuse(Time now, const char *name, const char *format, Values... values) {
        violate(now, name, format, values...);
        refused_ = true;
    }

    bool reads_data() const {
        return instruction_ == read_data || instruction_ == fast_read || instruction_ == quad_output ||
               instruction_ == quad_io;
    }

    void instruct(Time now, uint8_t code) {
        instruction_ = code;
        phase_ = Phase::ignored;
        const bool may_reset = reset_enabled_;
        reset_enabled_ = code == enable_reset;
        if (asleep_ && code != release)
            refuse(now, "asleep", "instruction %02x in power-down", code);
        else if (busy(now) && !reads_status(code))
            refuse(now, "busy", "instruction %02x while the chip is busy for another %.3f ns", code,
                   double(busy_until_ - now) / nanosecond);
        else
            begin(now, code, may_reset);
        if (refused_) phase_ = Phase::ignored;
    }

    void begin(Time now, uint8_t code, bool may_reset) {
        if (writes(code) && now - powered_ < t_puw_)
            refuse(now, "tPUW", "instruction %02x %.3f ns after power-up, not before %.3f ns", code,
                   double(now - powered_) / nanosecond, double(t_puw_) / nanosecond);
        switch (code) {
        case read_status_1:
        case read_status_2:
        case read_status_3:
        case read_id: begin_out(); break;
        case release: wait(24); break;
        case quad_output:
        case quad_io: check_quad(now, code); [[fallthrough]];
        case read_data:
        case fast_read: phase_ = Phase::address; break;
        case quad_program: check_quad(now, code); [[fallthrough]];
        case page_program:
        case sector_erase:
        case block_erase:
            if (!write_enabled_)
                refuse(now, "enable", "instruction %02x without write enable (06)", code);
            phase_ = Phase::address;
            break;
        case write_status_1:
        case write_status_2:
        case write_status_3:
            if (!write_enabled_ && !volatile_enabled_)
                refuse(now, "enable", "instruction %02x without write enable (06 or 50)", code);
            phase_ = Phase::in;
            break;
        case reset:
            if (!may_reset) refuse(now, "reset", "instruction 99 does not follow 66");
            break;
        case write_enable:
        case write_disable:
        case volatile_enable:
        case enable_reset:
        case power_down:
        case exit_continuous: break;
        default: refuse(now, "unknown", "instruction %02x is not modelled", code);
        }
    }

    void check_quad(Time now, uint8_t code) {
        if (!(status_.two & quad_enable))
            refuse(now, "quad", "instruction %02x without the quad enable bit", code);
    }

    static bool programs(uint8_t code) { return code == page_program || code == quad_program; }

    void located() {
        address_ = shift_;
        switch (instruction_) {
        case read_data: begin_out(); break;
        case fast_read:
        case quad_output: wait(8); break;
        case quad_io: phase_ = Phase::mode; break;
        case page_program:
        case quad_program: phase_ = Phase::in; break;
        default: phase_ = Phase::ignored;
        }
        if (phase_ != Phase::in && phase_ != Phase::ignored) ++reads_;
    }

    // A byte to be written; beyond a page, the first ones are lost.
    void put(Time now, uint8_t value) {
        if (!programs(instruction_)) {
            if (bytes_ < sizeof buffer_) buffer_[bytes_] = value;
            ++bytes_;
            return;
        }
        if (bytes_ == 0) std::fill_n(buffer_, page, 0xFF);
        if (bytes_ == page)
            violate(now, "page", "more than %u bytes for a page", page);
        buffer_[(address_ + bytes_) % page] = value;
        ++bytes_;
    }

    // ---- what the end of chip select sets off

    // Instructions count only if chip select ends behind their last bit.
    bool complete(Time now, bool is) {
        if (!is) violate(now, "length", "instruction %02x ends where it cannot", instruction_);
        return is;
    }

    void finish(Time now) {
        switch (phase_) {
        case Phase::instruction: complete(now, false); return;
        case Phase::address:
        case Phase::mode:
            // In continuous reads, eight clocks of 1s end them; fewer leave it open.
            complete(now, false);
            return;
        case Phase::dummy:
            if (instruction_ == quad_io && count_ == 0) return;
            complete(now, instruction_ == release && count_ == 0);
            if (instruction_ == release) wake(now, t_res1_, "tRES1");
            return;
        case Phase::out:
            if (whole_bytes_ && (out_clocks_ == 0 || out_clocks_ * out_lines_ % 8))
                violate(now, "clocks", "instruction %02x: %u clocks of data are not whole bytes",
                        instruction_, out_clocks_);
            if (instruction_ == release) wake(now, t_res2_, "tRES2");
            return;
        default: break;
        }
        if (complete(now, count_ == 0 || instruction_ == exit_continuous)) execute(now);
    }

    void wake(Time now, Time delay, const char *name) {
        asleep_ = false;
        not_before(now + delay, name);
    }

    void not_before(Time time, const char *name) {
        ready_at_ = time;
        ready_name_ = name;
    }

    void execute(Time now) {
        switch (instruction_) {
        case write_enable: write_enabled_ = true; break;
        case write_disable: write_enabled_ = volatile_enabled_ = false; break;
        case volatile_enable: volatile_enabled_ = true; break;
        case power_down:
            asleep_ = true;
            not_before(now + t_dp_, "tDP");
            break;
        case reset: restart(now); break;
        case write_status_1:
        case write_status_2:
        case write_status_3: write_status(now); break;
        case page_program:
        case quad_program: program(now); break;
        case sector_erase: erase(now, sector, t_se_); break;
        case block_erase: erase(now, block, t_be2_); break;
        default: break;
        }
    }

    void restart(Time now) {
        ++resets_;
        status_ = kept_;
        write_enabled_ = volatile_enabled_ = false;
        continuous_ = false;
        not_before(now + t_rst_, "tRST");
    }

    void write_status(Time now) {
        if (!complete(now, bytes_ == 1 || (bytes_ == 2 && instruction_ == write_status_1))) return;
        Status next = status_;
        if (instruction_ == write_status_1) {
            next.one = buffer_[0];
            if (bytes_ == 2) next.two = buffer_[1];
        } else {
            (instruction_ == write_status_2 ? next.two : next.three) = buffer_[0];
        }
        if (next.one & ~(busy_bit | enabled_bit) || next.two & ~quad_enable || next.three & ~strength_bits)
            violate(now, "protection", "status registers %02x %02x %02x: protection is not modelled",
                    next.one, next.two, next.three);
        status_ = next;
        if (!volatile_enabled_) {
            kept_ = next;
            before_.clear();  // not modelled to be torn
            busy_until_ = now + t_w_;
        }
        write_enabled_ = volatile_enabled_ = false;
    }

    void program(Time now) {
        if (!complete(now, bytes_ > 0)) return;
        ++programs_;
        const uint64_t first = address_ & ~uint64_t(page - 1);
        keep(first, page);
        for (unsigned n = 0; n < page; ++n) {
            auto &byte = data_[first + n];
            if (buffer_[n] & ~byte && buffer_[n] != 0xFF)
                violate(now, "erased", "address %06x: %02x programmed over %02x", unsigned(first + n),
                        buffer_[n], byte);
            byte &= buffer_[n];
        }
        busy_until_ = now + t_pp_;
        write_enabled_ = false;
    }

    void erase(Time now, unsigned bytes, Time time) {
        ++erases_;
        const uint64_t first = address_ & ~uint64_t(bytes - 1);
        keep(first, bytes);
        std::fill_n(data_.begin() + first, bytes, 0xFF);
        busy_until_ = now + time;
        write_enabled_ = false;
    }

    // ---- loss of power

    // What lies where something is about to be written.
    void keep(uint64_t first, unsigned bytes) {
        before_first_ = first;
        before_.assign(data_.begin() + first, data_.begin() + first + bytes);
    }

    // Power goes while the chip writes. A program has set some of its zeros, and no others. An erase,
    // which may set zeros everywhere before it sets ones, leaves any bits at all.
    void tear(Time now) {
        if (!busy(now)) return;
        const bool programmed = before_.size() == page;
        for (size_t n = 0; n < before_.size(); ++n) {
            auto &byte = data_[before_first_ + n];
            const auto any = uint8_t(noise_.draw());
            byte = programmed ? byte | (before_[n] & any) : any;
        }
        if (!before_.empty()) ++torn_;
    }

    // ---- limits, in picoseconds, and the state at power-up

    Time period_ = 7519;                  // 133 MHz
    Time period_03_ = 20 * nanosecond;    // 50 MHz
    Time t_slch_ = 5 * nanosecond;
    Time t_chsh_ = 3 * nanosecond;
    Time t_shsl1_ = 10 * nanosecond;
    Time t_shsl2_ = 50 * nanosecond;
    Time t_shqz_ = 7 * nanosecond;
    Time t_clqv_ = 6 * nanosecond;
    Time t_vsl_ = 20 * microsecond;
    Time t_puw_ = 5 * millisecond;
    Time t_dp_ = 3 * microsecond;
    Time t_res1_ = 3 * microsecond;
    Time t_res2_ = 1800 * nanosecond;
    Time t_rst_ = 30 * microsecond;
    Time t_w_ = 15 * millisecond;
    Time t_pp_ = 3 * millisecond;
    Time t_se_ = 400 * millisecond;
    Time t_be2_ = 2000 * millisecond;
    int64_t asleep_at_first_ = 0, continuous_at_first_ = 0, quad_at_first_ = 0;
    int64_t memory_type_ = 0x40, whole_bytes_ = 1;

    // ---- state

    std::vector<uint8_t> data_ = std::vector<uint8_t>(size, 0xFF);
    Status status_ = {}, kept_ = {};  // as they are, and as they are again after a reset
    Pins pins_ = {true, 0, 0};
    Noise noise_;
    bool selected_, asleep_, continuous_, write_enabled_, volatile_enabled_, reset_enabled_;
    bool first_clock_ = true, undriven_ = false, refused_ = false;
    Phase phase_ = Phase::ignored;
    uint8_t instruction_ = 0, out_byte_ = 0;
    uint8_t buffer_[page] = {};
    std::vector<uint8_t> before_;  // what lay where the chip writes, and from where on
    uint64_t before_first_ = 0;
    unsigned count_ = 0, shift_ = 0, bytes_ = 0, dummies_ = 0;
    unsigned out_ = 0, out_lines_ = 1, out_clocks_ = 0;
    unsigned driven_, let_go_;  // lines that the chip drives, or has driven until deselected
    uint64_t address_ = 0;
    Time last_rise_, last_fall_, selected_at_, deselected_at_, busy_until_ = never;
    Time t_deselect_, ready_at_;
    const char *deselect_name_, *ready_name_;
    uint64_t reads_ = 0, bytes_read_ = 0, programs_ = 0, erases_ = 0, resets_ = 0, clocks_ = 0;
    uint64_t torn_ = 0;
};

}  // namespace metabit

#endif
