// The verilated device behind a C interface: clock, queues and tracing, so that no work per cycle is
// left to Python. Ports of the top module: clk, rst, and the byte streams rx and tx. Some devices
// have a second way in, `supplied`, `samples` and `predictions`; see metabit.hdl.device. Some have
// pins of memory chips, at which models of the chips are then attached; see memories/attach.hpp.

#include <cmath>
#include <cstdint>
#include <deque>
#include <memory>

#include "Vtop.h"
#include "memories/attach.hpp"
#include "verilated.h"
#if defined(METABIT_TRACE_VCD)
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#elif defined(METABIT_TRACE_FST)
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#endif

namespace {

// Odds of a stall are given in 256ths.
class Stalls {
  public:
    void set(uint64_t seed, unsigned odds) {
        state_ = seed * 0x9E3779B97F4A7C15u + 0x6D2B79F5u;
        if (!state_) state_ = 1;
        odds_ = odds;
    }
    bool draw() {
        if (!odds_) return false;
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return ((state_ >> 32) & 255) < odds_;
    }

  private:
    uint64_t state_ = 1;
    unsigned odds_ = 0;
};

// The second way in: words from memory of the caller's, and predictions to such memory.
template <class Top> class Supply {
  public:
    static constexpr bool built = requires(Top &top) { top.supplied; };

    Stalls sample_stalls, prediction_stalls;

    // Take new memory; without words, all goes through the link again.
    void set(Top &top, const uint64_t *words, uint64_t count, uint8_t *bytes, uint64_t capacity) {
        next_ = words;
        end_ = words + count;
        first_byte_ = byte_ = bytes;
        last_byte_ = bytes + capacity;
        offering_ = false;
        if constexpr (built) top.supplied = words != nullptr;
    }

    uint64_t left() const { return end_ - next_; }
    uint64_t predicted() const { return byte_ - first_byte_; }

    void offer(Top &top) {
        if constexpr (built) {
            if (!offering_ && next_ != end_ && !sample_stalls.draw()) {
                offering_ = true;
                top.samples___05Fpayload = *next_;
            }
            top.samples___05Fvalid = offering_;
            top.predictions___05Fready = byte_ != last_byte_ && !prediction_stalls.draw();
        }
    }

    // Returns whether anything has passed.
    bool pass(Top &top) {
        bool passed = false;
        if constexpr (built) {
            if (offering_ && top.samples___05Fready) {
                ++next_;
                offering_ = false;
                passed = true;
            }
            if (top.predictions___05Fready && top.predictions___05Fvalid) {
                *byte_++ = top.predictions___05Fpayload;
                passed = true;
            }
        }
        return passed;
    }

  private:
    const uint64_t *next_ = nullptr, *end_ = nullptr;
    uint8_t *first_byte_ = nullptr, *byte_ = nullptr, *last_byte_ = nullptr;
    bool offering_ = false;
};

struct Model {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    std::deque<uint8_t> to_device, from_device;
    Stalls rx_stalls, tx_stalls;
    Supply<Vtop> supply;
    metabit::Memories<Vtop> memories;
    uint64_t cycles = 0;
    uint64_t quiet = 0;   // cycles since anything has passed a stream
    uint64_t frames = 0;  // frame ends (zero bytes) in from_device
    bool offering = false;
#if defined(METABIT_TRACE_VCD) || defined(METABIT_TRACE_FST)
    std::unique_ptr<Trace> trace;
#endif

    Model() {
#if defined(METABIT_TRACE_VCD) || defined(METABIT_TRACE_FST)
        context.traceEverOn(true);
#endif
        // In models compiled to have unknown values, these are random, and the same every time.
        context.randReset(2);
        context.randSeed(1);
        top = std::make_unique<Vtop>(&context, "top");
        top->clk = 0;
        top->rst = 1;
        top->rx___05Fvalid = 0;
        top->tx___05Fready = 0;
        supply.set(*top, nullptr, 0, nullptr, 0);
        top->eval();
    }

    ~Model() { top->final(); }

    void dump(unsigned half) {
#if defined(METABIT_TRACE_VCD) || defined(METABIT_TRACE_FST)
        if (trace) trace->dump(10 * cycles + 5 * half);
#else
        (void)half;
#endif
    }

    void tick() {
        // What is once offered stays on offer until it is taken.
        if (!offering && !to_device.empty() && !rx_stalls.draw()) {
            offering = true;
            top->rx___05Fpayload = to_device.front();
        }
        top->rx___05Fvalid = offering;
        top->tx___05Fready = !tx_stalls.draw();
        supply.offer(*top);
        memories.begin(*top);
        top->clk = 0;
        top->eval();
        // A reset stands for a board without power: the chips see nothing of it.
        if (!top->rst) memories.middle(*top, cycles);
        dump(0);
        ++quiet;
        if (!top->rst) {
            if (offering && top->rx___05Fready) {
                to_device.pop_front();
                offering = false;
                quiet = 0;
            }
            if (top->tx___05Fvalid && top->tx___05Fready) {
                from_device.push_back(top->tx___05Fpayload);
                frames += top->tx___05Fpayload == 0;
                quiet = 0;
            }
            if (supply.pass(*top)) quiet = 0;
        }
        top->clk = 1;
        top->eval();
        dump(1);
        ++cycles;
    }
};

// Choose a mutant, in a netlist that has some; returns whether it has.
template <class Top> bool choose(Top &top, unsigned number) {
    constexpr bool built = requires { top.mutant; };
    if constexpr (built) top.mutant = number;
    return built;
}

Model &of(void *handle) { return *static_cast<Model *>(handle); }

}  // namespace

extern "C" {

#define API __attribute__((visibility("default")))

API void *metabit_open() { return new Model; }

API void metabit_close(void *handle) { delete &of(handle); }

API uint64_t metabit_cycles(void *handle) { return of(handle).cycles; }

API uint64_t metabit_unsent(void *handle) { return of(handle).to_device.size(); }

// Let a mutant live, 0 for none; returns whether the netlist has mutants.
API int metabit_mutate(void *handle, unsigned number) { return choose(*of(handle).top, number); }

// Hold the reset for some cycles and forget all that is on its way; chips are as after power-up.
API void metabit_reset(void *handle, uint64_t cycles) {
    auto &model = of(handle);
    model.to_device.clear();
    model.from_device.clear();
    model.frames = 0;
    model.offering = false;
    model.supply.set(*model.top, nullptr, 0, nullptr, 0);
    model.memories.power_up(model.cycles);  // tears what a chip is at
    model.top->rst = 1;
    while (cycles--) model.tick();
    model.top->rst = 0;
    model.memories.power_up(model.cycles);
}

API void metabit_stall(void *handle, uint64_t seed, unsigned rx, unsigned tx, unsigned samples,
                       unsigned predictions) {
    auto &model = of(handle);
    model.rx_stalls.set(4 * seed, rx);
    model.tx_stalls.set(4 * seed + 1, tx);
    model.supply.sample_stalls.set(4 * seed + 2, samples);
    model.supply.prediction_stalls.set(4 * seed + 3, predictions);
}

// Queue bytes; they reach the device while it runs.
API void metabit_send(void *handle, const uint8_t *bytes, uint64_t count) {
    auto &model = of(handle);
    model.to_device.insert(model.to_device.end(), bytes, bytes + count);
}

// Whether the device has a second way in.
API int metabit_has_supply() { return Supply<Vtop>::built; }

// Supply words, and take predictions, while the device runs; both must live until the next call.
API void metabit_supply(void *handle, const uint64_t *words, uint64_t count, uint8_t *predictions,
                        uint64_t capacity) {
    auto &model = of(handle);
    model.supply.set(*model.top, words, count, predictions, capacity);
}

API uint64_t metabit_supply_left(void *handle) { return of(handle).supply.left(); }

API uint64_t metabit_predicted(void *handle) { return of(handle).supply.predicted(); }

// Run for some cycles, or until a chip's rules are violated.
API void metabit_run(void *handle, uint64_t cycles) {
    auto &model = of(handle);
    for (const size_t known = model.memories.violations(); cycles--;) {
        model.tick();
        if (model.memories.violations() != known) return;
    }
}

enum Until : int { UNTIL_SENT, UNTIL_FRAME, UNTIL_PREDICTED };

// Run until so many bytes are left to be sent, frames have been received, or predictions have come
// beside the link, or until nothing has passed any stream for `patience` cycles, or until a chip's
// rules are violated; returns whether the condition holds.
API int metabit_run_until(void *handle, int until, uint64_t count, uint64_t patience) {
    auto &model = of(handle);
    const size_t known = model.memories.violations();
    for (model.quiet = 0;;) {
        if (until == UNTIL_SENT && model.to_device.size() <= count) return 1;
        if (until == UNTIL_FRAME && model.frames >= count) return 1;
        if (until == UNTIL_PREDICTED && model.supply.predicted() >= count) return 1;
        if (model.quiet >= patience || model.memories.violations() != known) return 0;
        model.tick();
    }
}

// Move received bytes to `bytes`, up to and including the first zero; returns how many.
API uint64_t metabit_receive(void *handle, uint8_t *bytes, uint64_t capacity) {
    auto &model = of(handle);
    uint64_t count = 0;
    while (count < capacity && !model.from_device.empty()) {
        bytes[count] = model.from_device.front();
        model.from_device.pop_front();
        if (bytes[count++] == 0) {
            --model.frames;
            break;
        }
    }
    return count;
}

// Whether the device has pins of a chip: 0 is the SDRAM, 1 the flash memory.
API int metabit_has_chip(int kind) {
    return kind == 0 ? metabit::SdramSocket<Vtop>::built : metabit::FlashSocket<Vtop>::built;
}

// Attach models of chips to all such pins, at a clock period in picoseconds.
API void metabit_attach(void *handle, uint64_t period) { of(handle).memories.open(period); }

// Cycles from what a pad captures to what the logic sees; returns whether so many are possible.
API int metabit_chip_pad(void *handle, int kind, int64_t delay) {
    if (delay < 1 || delay > metabit::Pad::longest) return 0;
    of(handle).memories.socket(kind).pad.delay = delay;
    return 1;
}

// The power of all chips goes, and comes with the settings that were made.
API void metabit_power_up(void *handle) {
    auto &model = of(handle);
    model.memories.power_up(model.cycles);
}

// What follows is of an attached chip. Read or change a setting by its name; both return whether there is such a one.
API int metabit_chip_setting(void *handle, int kind, const char *name, double *value) {
    const auto *setting = of(handle).memories.socket(kind).chip()->setting(name);
    if (setting) *value = double(*setting->value) / setting->unit;
    return setting != nullptr;
}

API int metabit_chip_set(void *handle, int kind, const char *name, double value) {
    const auto *setting = of(handle).memories.socket(kind).chip()->setting(name);
    if (setting) *setting->value = std::llround(value * setting->unit);
    return setting != nullptr;
}

// Contents; both return whether all bytes lie in the chip.
API int metabit_chip_load(void *handle, int kind, uint64_t address, const uint8_t *bytes,
                          uint64_t count) {
    return of(handle).memories.socket(kind).chip()->load(address, bytes, count);
}

API int metabit_chip_save(void *handle, int kind, uint64_t address, uint8_t *bytes, uint64_t count) {
    return of(handle).memories.socket(kind).chip()->save(address, bytes, count);
}

// Counters in order: name (null behind the last) and value.
API const char *metabit_chip_counter(void *handle, int kind, uint64_t number, uint64_t *value) {
    const auto &counters = of(handle).memories.socket(kind).chip()->counters();
    if (number >= counters.size()) return nullptr;
    *value = *counters[number].value;
    return counters[number].name;
}

API uint64_t metabit_chip_violations(void *handle, int kind) {
    return of(handle).memories.socket(kind).chip()->violations().size();
}

// Violations in order: name of the check, text, and time in picoseconds.
API const char *metabit_chip_violation(void *handle, int kind, uint64_t number, const char **text,
                                       int64_t *time) {
    const auto &violation = of(handle).memories.socket(kind).chip()->violations()[number];
    *text = violation.text.c_str();
    *time = violation.time;
    return violation.name.c_str();
}

// Record a waveform from now on, or stop (null); returns whether the model can.
API int metabit_trace(void *handle, const char *path) {
#if defined(METABIT_TRACE_VCD) || defined(METABIT_TRACE_FST)
    auto &model = of(handle);
    if (model.trace) model.trace->close();
    model.trace.reset();
    if (path) {
        model.trace = std::make_unique<Trace>();
        model.top->trace(model.trace.get(), 99);
        model.trace->open(path);
        return model.trace->isOpen();
    }
    return 1;
#else
    (void)handle;
    return !path;
#endif
}

}  // extern "C"
