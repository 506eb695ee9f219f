// Chips at the pins of a simulated device: which devices have them, and when each sees the other.

#ifndef METABIT_MEMORIES_ATTACH_HPP
#define METABIT_MEMORIES_ATTACH_HPP

#include <array>
#include <memory>

#include "flash.hpp"
#include "sdram.hpp"

namespace metabit {

// A register of an input pad: what a cycle captures reaches the logic some cycles later.
//
// With a delay of one cycle, which is what a register has, the logic sees it from the rising edge
// of `sync` that begins the next cycle. Both chips' registers are here, so that this is the place
// to change where a board's pads differ.
class Pad {
  public:
    static constexpr int64_t longest = 8;

    int64_t delay = 1;  // cycles, 1 to `longest`

    void capture(uint32_t value) {
        values_[cycle_ % longest] = value;
        ++cycle_;
    }

    // What the logic sees in the cycle that begins.
    uint32_t seen() const { return values_[(cycle_ + longest - delay) % longest]; }

  private:
    std::array<uint32_t, longest> values_ = {};
    uint64_t cycle_ = longest;
};

// The attached chip, of any kind, or none.
class Socket {
  public:
    Pad pad;

    virtual ~Socket() = default;
    virtual Chip *chip() { return nullptr; }
};

// Ports `sdram___05F*`, named as Amaranth flattens a member `sdram` of the top component.
//
// The chip's clock is the inverted clock of the device, so that its rising edge lies in the middle
// of a cycle. Outputs are registers of `sync`: the chip samples those of cycle t in the middle of
// cycle t. The pad's register captures at the same falling edge of `sync` what has been on the bus
// until then, and `dq_i` shows it in cycle t + 1.
template <class Top> class SdramSocket : public Socket {
  public:
    static constexpr bool built = requires(Top &top) { top.sdram___05Fdq_i; };

    Chip *chip() override { return chip_.get(); }

    void open(Time period) {
        if constexpr (built) {
            chip_ = std::make_unique<Sdram>();
            *chip_->setting("lead")->value = period / 2;
        }
    }

    // Before anything of a cycle is computed.
    void begin(Top &top) {
        if constexpr (built) top.sdram___05Fdq_i = pad.seen();
    }

    // In the middle of a cycle, which begins at `start`.
    void middle(Top &top, Time start, Time period) {
        if constexpr (built) {
            if (!chip_) return;
            const Sdram::Pins pins = {
                bool(top.sdram___05Fcke),   bool(top.sdram___05Fcs_n), bool(top.sdram___05Fras_n),
                bool(top.sdram___05Fcas_n), bool(top.sdram___05Fwe_n), top.sdram___05Fba,
                top.sdram___05Fa,           top.sdram___05Fdqm,        top.sdram___05Fdq_o,
                bool(top.sdram___05Fdq_oe),
            };
            const Sdram::Bus bus = chip_->edge(start + period / 2, pins);
            const uint16_t undriven = pins.dq_oe ? pins.dq : noise_.draw();
            pad.capture((bus.value & bus.driven) | (undriven & ~bus.driven));
        }
    }

  private:
    std::unique_ptr<Sdram> chip_;
    Noise noise_;
};

// Ports `flash___05F*`, named as Amaranth flattens a member `flash` of the top component.
//
// Outputs are registers of `sync`. With `sck` high in a cycle, the clock of the chip rises in its
// middle and falls at its end. The pad's register captures at the end of cycle t, just before the
// rising edge of `sync` and before the chip knows of a falling clock, and `dq_i` shows it in cycle
// t + 1.
template <class Top> class FlashSocket : public Socket {
  public:
    static constexpr bool built = requires(Top &top) { top.flash___05Fdq_i; };

    Chip *chip() override { return chip_.get(); }

    void open(Time) {
        if constexpr (built) chip_ = std::make_unique<Flash>();
    }

    void begin(Top &top) {
        if constexpr (built) top.flash___05Fdq_i = pad.seen();
    }

    void middle(Top &top, Time start, Time period) {
        if constexpr (built) {
            if (!chip_) return;
            chip_->lines(start, {bool(top.flash___05Fcs_n), top.flash___05Fdq_o, top.flash___05Fdq_oe});
            if (top.flash___05Fsck) chip_->rise(start + period / 2);
            pad.capture(chip_->line(start + period));
            if (top.flash___05Fsck) chip_->fall(start + period);
        }
    }

  private:
    std::unique_ptr<Flash> chip_;
};

// All that is attached to a device. Without a clock period there are no chips.
template <class Top> class Memories {
  public:
    static constexpr bool built = SdramSocket<Top>::built || FlashSocket<Top>::built;

    void open(Time period) {
        period_ = period;
        sdram_.open(period);
        flash_.open(period);
    }

    void begin(Top &top) {
        sdram_.begin(top);
        flash_.begin(top);
    }

    void middle(Top &top, uint64_t cycle) {
        if constexpr (built) {
            const Time start = Time(cycle) * period_;
            sdram_.middle(top, start, period_);
            flash_.middle(top, start, period_);
        }
    }

    // Power of all chips goes and comes, at the beginning of a cycle.
    void power_up(uint64_t cycle) {
        for (int kind = 0; kind < kinds; ++kind)
            if (Chip *chip = socket(kind).chip()) chip->power_up(Time(cycle) * period_);
    }

    Socket &socket(int kind) {
        if (kind == 0) return sdram_;
        return flash_;
    }

    // Violations of all chips; a run ends where there are more than at its beginning.
    size_t violations() {
        if constexpr (!built) return 0;
        size_t count = 0;
        for (int kind = 0; kind < kinds; ++kind)
            if (const Chip *chip = socket(kind).chip()) count += chip->violations().size();
        return count;
    }

  private:
    static constexpr int kinds = 2;

    Time period_ = 0;
    SdramSocket<Top> sdram_;
    FlashSocket<Top> flash_;
};

}  // namespace metabit

#endif
