// A synchronous DRAM of 16 bits and four banks, at its pins: contents, and the rules of the data
// sheet as checks. Written from data sheets alone; docs/verification.md names them, and what is
// left out. Defaults are those of the IS42S16160G-7 (32 MB).

#ifndef METABIT_MEMORIES_SDRAM_HPP
#define METABIT_MEMORIES_SDRAM_HPP

#include <algorithm>
#include <array>
#include <memory>

#include "chip.hpp"

namespace metabit {

class Sdram : public Chip {
  public:
    // What the chip samples at a rising edge of its clock.
    struct Pins {
        bool cke, cs_n, ras_n, cas_n, we_n;
        unsigned ba, a, dqm;
        uint16_t dq;  // of the controller
        bool dq_oe;   // whether the controller drives it
    };

    // The bus just before the edge: bits that the chip drives, and what it drives there.
    struct Bus {
        uint16_t driven = 0, value = 0;
    };

    Sdram() {
        settings_ = {
            {"tRC", &t_rc_, nanosecond},
            {"tRFC", &t_rfc_, nanosecond},
            {"tRAS", &t_ras_, nanosecond},
            {"tRASmax", &t_ras_max_, nanosecond},
            {"tRP", &t_rp_, nanosecond},
            {"tRCD", &t_rcd_, nanosecond},
            {"tRRD", &t_rrd_, nanosecond},
            {"tWR", &t_wr_, nanosecond},
            {"tMRD", &t_mrd_, nanosecond},
            {"tREF", &t_ref_, nanosecond},
            {"tCK2", &t_ck2_, nanosecond},
            {"tCK3", &t_ck3_, nanosecond},
            {"tHZ", &t_hz_, nanosecond},
            {"power_up", &power_up_wait_, nanosecond},
            {"lead", &lead_, nanosecond},
            {"refreshes_before_use", &refreshes_before_use_, 1},
            {"refreshes_behind", &refreshes_behind_, 1},
            {"row_bits", &row_bits_, 1},
            {"column_bits", &column_bits_, 1},
            {"banks_low", &banks_low_, 1},
            {"watch_unwritten", &watch_unwritten_, 1},
        };
        counters_ = {
            {"activations", &activations_},     {"reads", &reads_},
            {"writes", &writes_},               {"refreshes", &refreshes_},
            {"bytes_read", &bytes_read_},       {"bytes_written", &bytes_written_},
            {"edges", &edges_},
        };
        power_up(0);
    }

    void power_up(Time now) override {
        powered_ = now;
        rows_.clear();
        rows_.resize(size_t(banks) << row_bits_);
        bank_ = {};
        pipe_ = {};
        masks_ = {};
        burst_ = {};
        mode_ = {};
        refreshes_since_power_ = 0;
        precharged_ = ready_ = chip_drove_ = controller_drove_ = false;
        last_activation_ = last_refresh_ = last_mode_ = last_edge_ = never;
        recent_.clear();
    }

    // A rising edge of the chip's clock; returns what has been on the bus until then.
    Bus edge(Time now, const Pins &pins) {
        ++edges_;
        const Bus bus = drive(now, pins);
        check_bus(now, pins, bus);
        check_deadlines(now);
        finish(now);
        close_by_themselves(now);
        obey(now, pins);
        advance(now, pins);
        last_edge_ = now;
        return bus;
    }

    bool load(uint64_t address, const uint8_t *bytes, uint64_t count) override {
        if (!inside(address, count)) return false;
        for (uint64_t n = 0; n < count; ++n) {
            const Place place = locate((address + n) / 2);
            put(place, (address + n) & 1, bytes[n]);
        }
        return true;
    }

    // Bytes that were never written read as zero.
    bool save(uint64_t address, uint8_t *bytes, uint64_t count) const override {
        if (!inside(address, count)) return false;
        for (uint64_t n = 0; n < count; ++n) {
            const Place place = locate((address + n) / 2);
            const auto &row = rows_[place.row];
            bytes[n] = row ? row->data[place.column] >> (8 * ((address + n) & 1)) : 0;
        }
        return true;
    }

  private:
    static constexpr unsigned banks = 4;
    static constexpr unsigned auto_precharge_bit = 1u << 10;
    static constexpr unsigned mask_latency = 2;
    static constexpr unsigned longest_latency = 3;
    static constexpr unsigned full_page = 0;  // as a burst length

    enum class Command { none, stop, read, write, activate, precharge, refresh, mode };

    struct Row {
        explicit Row(size_t columns) : data(columns), known(columns) {}
        std::vector<uint16_t> data;
        std::vector<uint8_t> known;  // a bit a byte
    };

    struct Bank {
        bool open = false;
        unsigned row = 0;
        Time opened = never;
        Time closed = never;       // when the last precharge began; may lie ahead
        Time written = never;      // last data in
        bool closing = false;      // auto precharge is due
        Time closes = 0;           // when; of no meaning before the burst's end is known
    };

    struct Burst {
        bool active = false, write = false, closing = false;
        unsigned bank = 0, column = 0;
        unsigned done = 0, length = 0;
    };

    // A word on its way out.
    struct Word {
        bool valid = false;
        unsigned bank = 0, row = 0, column = 0;
    };

    struct Mode {
        bool loaded = false;
        unsigned latency = 3, read_length = 1, write_length = 1;
    };

    struct Place {
        size_t row;
        unsigned column;
    };

    // ---- contents

    unsigned columns() const { return 1u << column_bits_; }

    bool inside(uint64_t address, uint64_t count) const {
        const uint64_t size = uint64_t(2) * banks << (row_bits_ + column_bits_);
        return address <= size && count <= size - address;
    }

    // Where the words of an address lie is the controller's choice: banks between row and column,
    // so that a new row is in another bank, or above both.
    Place locate(uint64_t word) const {
        const unsigned column = word & (columns() - 1);
        const uint64_t upper = word >> column_bits_;
        if (!banks_low_) return {size_t(upper), column};
        return {size_t((upper % banks) << row_bits_ | upper / banks), column};
    }

    size_t index(unsigned bank, unsigned row) const { return size_t(bank) << row_bits_ | row; }

    void put(const Place &place, unsigned byte, uint8_t value) {
        auto &row = rows_[place.row];
        if (!row) row = std::make_unique<Row>(columns());
        auto &word = row->data[place.column];
        word = uint16_t((word & ~(0xFFu << 8 * byte)) | unsigned(value) << 8 * byte);
        row->known[place.column] |= 1u << byte;
    }

    // ---- the bus

    // Words come out a latency after they were fetched, and masks act two edges later.
    Bus drive(Time now, const Pins &pins) {
        Bus bus;
        const Word word = pipe_[0];
        std::rotate(pipe_.begin(), pipe_.begin() + 1, pipe_.end());
        pipe_.back() = {};
        const unsigned mask = masks_[0];
        masks_[0] = masks_[1];
        masks_[1] = pins.dqm;
        if (!word.valid) return bus;
        const auto &row = rows_[index(word.bank, word.row)];
        for (unsigned byte = 0; byte < 2; ++byte) {
            if (mask >> byte & 1) continue;
            const unsigned bits = 0xFFu << 8 * byte;
            bus.driven |= bits;
            if (row && row->known[word.column] >> byte & 1) {
                bus.value |= row->data[word.column] & bits;
            } else {
                if (watch_unwritten_)
                    violate(now, "unwritten", "bank %u, row %u, column %u: byte %u was never written",
                        word.bank, word.row, word.column, byte);
                bus.value |= noise_.draw() & bits;
            }
            ++bytes_read_;
        }
        return bus;
    }

    // The chip drives from an edge to a little after the next. The controller's pins change `lead`
    // before an edge.
    void check_bus(Time now, const Pins &pins, const Bus &bus) {
        const bool drives = bus.driven;
        if (pins.dq_oe && drives) violate(now, "conflict", "chip and controller drive dq");
        if (pins.dq_oe && !drives && chip_drove_ && now - lead_ - last_edge_ < t_hz_)
            violate(now, "tHZ", "the controller drives dq %.3f ns after the chip's last word's edge, "
                    "not after %.3f ns", double(now - lead_ - last_edge_) / nanosecond,
                    double(t_hz_) / nanosecond);
        if (drives && !pins.dq_oe && controller_drove_)
            violate(now, "tLZ", "the chip drives dq while the controller has not let go of it");
        chip_drove_ = drives;
        controller_drove_ = pins.dq_oe;
    }

    // ---- what has to happen in time

    void check_deadlines(Time now) {
        for (unsigned n = 0; n < banks; ++n) {
            auto &bank = bank_[n];
            if (bank.open && now - bank.opened > t_ras_max_ && !bank.closing) {
                violate(now, "tRASmax", "bank %u: row %u open for more than %.3f ns", n, bank.row,
                        double(t_ras_max_) / nanosecond);
                bank.opened = now;  // once a period
            }
        }
        if (!ready_) return;
        // Every row is refreshed by one of as many refreshes as there are rows.
        const Time oldest = recent_[next_recent_];
        if (now - oldest > t_ref_) {
            violate(now, "tREF", "a row was not refreshed for %.3f ns", double(now - oldest) / nanosecond);
            std::fill(recent_.begin(), recent_.end(), now);
        }
        if (now - owed_since_ > (refreshes_behind_ + 1) * interval()) {
            violate(now, "refresh", "more than %d refreshes behind", int(refreshes_behind_));
            owed_since_ = now;
        }
    }

    Time interval() const { return t_ref_ >> row_bits_; }

    void close_by_themselves(Time now) {
        for (auto &bank : bank_) {
            if (!bank.closing || burst_closes(bank) || now < bank.closes) continue;
            bank.open = bank.closing = false;
            bank.closed = bank.closes;
        }
    }

    bool burst_closes(const Bank &bank) const {
        return burst_.active && burst_.closing && &bank == &bank_[burst_.bank];
    }

    // ---- commands

    static Command decode(const Pins &pins) {
        if (pins.cs_n) return Command::none;
        switch (pins.ras_n << 2 | pins.cas_n << 1 | pins.we_n) {
        case 0b110: return Command::stop;
        case 0b101: return Command::read;
        case 0b100: return Command::write;
        case 0b011: return Command::activate;
        case 0b010: return Command::precharge;
        case 0b001: return Command::refresh;
        case 0b000: return Command::mode;
        default: return Command::none;
        }
    }

    static const char *text(Command command) {
        constexpr const char *texts[] = {"none",     "burst terminate", "read",    "write",
                                         "activate", "precharge",       "refresh", "mode register"};
        return texts[int(command)];
    }

    void obey(Time now, const Pins &pins) {
        if (!pins.cke) {
            if (precharged_)
                violate(now, "cke", "cke is low: power-down and self refresh are not modelled");
            return;
        }
        const Command command = decode(pins);
        if (command == Command::none) return;
        apart(now, "power-up", powered_, power_up_wait_, text(command));
        apart(now, "tMRD", last_mode_, t_mrd_, text(command));
        apart(now, "tRFC", last_refresh_, t_rfc_, text(command));
        switch (command) {
        case Command::stop: stop(now); break;
        case Command::read:
        case Command::write: access(now, pins, command == Command::write); break;
        case Command::activate: activate(now, pins); break;
        case Command::precharge: precharge(now, pins); break;
        case Command::refresh: refresh(now); break;
        default: load_mode(now, pins);
        }
    }

    void activate(Time now, const Pins &pins) {
        auto &bank = bank_[pins.ba];
        const unsigned row = pins.a & ((1u << row_bits_) - 1);
        if (!mode_.loaded || refreshes_since_power_ < refreshes_before_use_)
            violate(now, "initialisation", "row opened after %d refreshes, not %d, and with%s mode register",
                    int(refreshes_since_power_), int(refreshes_before_use_), mode_.loaded ? " a" : "out");
        if (bank.open || bank.closing)
            violate(now, "open", "bank %u: row %u opened while row %u is open", pins.ba, row, bank.row);
        apart(now, "tRP", bank.closed, t_rp_, "activate");
        apart(now, "tRC", bank.opened, t_rc_, "activate");
        apart(now, "tRRD", last_activation_, t_rrd_, "activate");
        bank.open = true;
        bank.closing = false;
        bank.row = row;
        bank.opened = last_activation_ = now;
        bank.written = never;
        ++activations_;
    }

    void access(Time now, const Pins &pins, bool write) {
        auto &bank = bank_[pins.ba];
        interrupt(now, pins.ba);
        if (write) pipe_ = {};
        ++(write ? writes_ : reads_);
        if (!bank.open) {
            violate(now, "closed", "bank %u: %s, but no row is open", pins.ba, write ? "write" : "read");
            return;
        }
        if (bank.closing)
            violate(now, "auto precharge", "bank %u: %s while auto precharge is due", pins.ba,
                    write ? "write" : "read");
        apart(now, "tRCD", bank.opened, t_rcd_, write ? "write" : "read");
        const Time least = mode_.latency == 2 ? t_ck2_ : t_ck3_;
        if (now - last_edge_ < least)
            violate(now, "tCK", "period %.3f ns with latency %u, not less than %.3f ns",
                    double(now - last_edge_) / nanosecond, mode_.latency, double(least) / nanosecond);
        burst_ = {true, write, bool(pins.a & auto_precharge_bit), pins.ba,
                  pins.a & (columns() - 1), 0,
                  write ? mode_.write_length : mode_.read_length};
        if (burst_.closing) {
            bank.closing = true;
            if (burst_.length == full_page)
                violate(now, "auto precharge", "bank %u: a full page has no end to precharge at", pins.ba);
        }
    }

    // A command takes the place of the burst under way.
    void interrupt(Time now, unsigned by_bank) {
        if (!burst_.active) return;
        if (burst_.closing) {
            if (burst_.bank == by_bank)
                violate(now, "auto precharge", "bank %u: its burst with auto precharge is interrupted",
                        by_bank);
            close_later(now);
        }
        burst_.active = false;
    }

    // Auto precharge begins: after the last word was fetched, or tWR after the last one written.
    void close_later(Time now) {
        auto &bank = bank_[burst_.bank];
        bank.closes = burst_.write ? bank.written + t_wr_ : now;
        if (bank.closes - bank.opened < t_ras_)
            violate(now, "tRAS", "bank %u: auto precharge after %.3f ns, not before %.3f ns", burst_.bank,
                    double(bank.closes - bank.opened) / nanosecond, double(t_ras_) / nanosecond);
        burst_.closing = false;
    }

    void stop(Time now) {
        if (burst_.active && burst_.closing)
            violate(now, "auto precharge", "bank %u: its burst with auto precharge is terminated",
                    burst_.bank);
        interrupt(now, banks);
    }

    void precharge(Time now, const Pins &pins) {
        const bool all = pins.a & auto_precharge_bit;
        if (all) precharged_ = true;
        for (unsigned n = 0; n < banks; ++n) {
            if (!all && n != pins.ba) continue;
            auto &bank = bank_[n];
            if (bank.closing) {
                violate(now, "auto precharge", "bank %u: precharge while auto precharge is due", n);
                continue;
            }
            if (!bank.open) continue;
            apart(now, "tRAS", bank.opened, t_ras_, "precharge");
            apart(now, "tWR", bank.written, t_wr_, "precharge");
            if (burst_.active && burst_.bank == n) burst_.active = false;
            bank.open = false;
            bank.closed = now;
        }
    }

    // Refresh and mode register want all banks closed.
    void want_closed(Time now, Command command) {
        if (!precharged_)
            violate(now, "initialisation", "%s before all banks were precharged", text(command));
        for (unsigned n = 0; n < banks; ++n) {
            if (bank_[n].open || bank_[n].closing)
                violate(now, "idle", "%s while a row of bank %u is open", text(command), n);
            else
                apart(now, "tRP", bank_[n].closed, t_rp_, text(command));
        }
    }

    void refresh(Time now) {
        want_closed(now, Command::refresh);
        for (const auto &bank : bank_) apart(now, "tRC", bank.opened, t_rc_, "refresh");
        ++refreshes_;
        ++refreshes_since_power_;
        last_refresh_ = now;
        if (!ready_) return;
        recent_[next_recent_] = now;
        next_recent_ = (next_recent_ + 1) % recent_.size();
        // Each pays for an interval; as many as may be owed may be done ahead.
        owed_since_ = std::min(owed_since_ + interval(), now + refreshes_behind_ * interval());
    }

    void load_mode(Time now, const Pins &pins) {
        want_closed(now, Command::mode);
        const unsigned length = pins.a & 7, latency = pins.a >> 4 & 7;
        const bool interleaved = pins.a >> 3 & 1, single = pins.a >> 9 & 1;
        if (interleaved || (length > 3 && length != 7) || latency < 2 || latency > longest_latency ||
            (pins.a & 0b1'1101'1000'0000) || pins.ba)
            violate(now, "mode", "mode register %u:%03x is reserved, or interleaved, which is not "
                    "modelled", pins.ba, pins.a);
        mode_.loaded = true;
        mode_.latency = latency == 2 ? 2 : 3;
        mode_.read_length = length == 7 ? full_page : 1u << (length & 3);
        mode_.write_length = single ? 1 : mode_.read_length;
        last_mode_ = now;
        if (ready_) return;
        ready_ = true;
        recent_.assign(size_t(1) << row_bits_, now);
        next_recent_ = 0;
        owed_since_ = now;
    }

    // ---- bursts

    // All words of a burst have been fetched or stored.
    void finish(Time now) {
        if (!burst_.active || burst_.length == full_page || burst_.done < burst_.length) return;
        if (burst_.closing) close_later(now);
        burst_.active = false;
    }

    // Fetch or store a word of the burst.
    void advance(Time now, const Pins &pins) {
        if (!burst_.active) return;
        auto &bank = bank_[burst_.bank];
        const unsigned span = burst_.length == full_page ? columns() : burst_.length;
        const unsigned first = burst_.column & ~(span - 1);
        const unsigned column = first | ((burst_.column + burst_.done) & (span - 1));
        ++burst_.done;
        if (!burst_.write) {
            pipe_[mode_.latency - 1] = {true, burst_.bank, bank.row, column};
            return;
        }
        bank.written = now;
        if (!pins.dq_oe)
            violate(now, "undriven", "bank %u: nobody drives the word to be written", burst_.bank);
        for (unsigned byte = 0; byte < 2; ++byte) {
            if (pins.dqm >> byte & 1) continue;
            put({index(burst_.bank, bank.row), column}, byte, uint8_t(pins.dq >> 8 * byte));
            ++bytes_written_;
        }
    }

    // ---- limits, in picoseconds, but for counts and bits

    Time t_rc_ = 60 * nanosecond;
    Time t_rfc_ = 60 * nanosecond;
    Time t_ras_ = 37 * nanosecond;
    Time t_ras_max_ = 100 * microsecond;
    Time t_rp_ = 15 * nanosecond;
    Time t_rcd_ = 15 * nanosecond;
    Time t_rrd_ = 14 * nanosecond;
    Time t_wr_ = 14 * nanosecond;
    Time t_mrd_ = 14 * nanosecond;
    Time t_ref_ = 64 * millisecond;
    Time t_ck2_ = 10 * nanosecond;
    Time t_ck3_ = 7 * nanosecond;
    Time t_hz_ = 5400;
    Time power_up_wait_ = 100 * microsecond;
    Time lead_ = 0;
    int64_t refreshes_before_use_ = 2;
    int64_t refreshes_behind_ = 8;
    int64_t row_bits_ = 13;
    int64_t column_bits_ = 9;
    int64_t banks_low_ = 1;
    int64_t watch_unwritten_ = 1;  // 0: who looks for data of before gets noise, and knows it

    // ---- state

    std::vector<std::unique_ptr<Row>> rows_;
    std::array<Bank, banks> bank_;
    std::array<Word, longest_latency> pipe_;  // [0] is out at the next edge
    std::array<unsigned, mask_latency> masks_;
    Burst burst_;
    Mode mode_;
    Noise noise_;
    bool precharged_, ready_, chip_drove_, controller_drove_;
    Time last_activation_, last_refresh_, last_mode_, last_edge_;
    Time owed_since_ = 0;
    std::vector<Time> recent_;  // times of the last refreshes, one a row
    size_t next_recent_ = 0;
    int64_t refreshes_since_power_ = 0;
    uint64_t activations_ = 0, reads_ = 0, writes_ = 0, refreshes_ = 0;
    uint64_t bytes_read_ = 0, bytes_written_ = 0, edges_ = 0;
};

}  // namespace metabit

#endif
