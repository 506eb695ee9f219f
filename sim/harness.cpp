// The verilated device behind a C interface: clock, byte queues and tracing, so that no work per
// cycle is left to Python. Ports of the top module: clk, rst, and the byte streams rx and tx.

#include <cstdint>
#include <deque>
#include <memory>

#include "Vtop.h"
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

struct Model {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    std::deque<uint8_t> to_device, from_device;
    Stalls rx_stalls, tx_stalls;
    uint64_t cycles = 0;
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
        // A byte once offered stays on offer until it is taken.
        if (!offering) offering = !to_device.empty() && !rx_stalls.draw();
        top->rx___05Fvalid = offering;
        if (offering) top->rx___05Fpayload = to_device.front();
        top->tx___05Fready = !tx_stalls.draw();
        top->clk = 0;
        top->eval();
        dump(0);
        if (!top->rst) {
            if (offering && top->rx___05Fready) {
                to_device.pop_front();
                offering = false;
            }
            if (top->tx___05Fvalid && top->tx___05Fready) {
                from_device.push_back(top->tx___05Fpayload);
                frames += top->tx___05Fpayload == 0;
            }
        }
        top->clk = 1;
        top->eval();
        dump(1);
        ++cycles;
    }
};

}  // namespace

extern "C" {

#define API __attribute__((visibility("default")))

API void *metabit_open() { return new Model; }

API void metabit_close(void *handle) { delete static_cast<Model *>(handle); }

API uint64_t metabit_cycles(void *handle) { return static_cast<Model *>(handle)->cycles; }

API uint64_t metabit_unsent(void *handle) { return static_cast<Model *>(handle)->to_device.size(); }

// Hold the reset for some cycles and forget all bytes on their way.
API void metabit_reset(void *handle, uint64_t cycles) {
    auto &model = *static_cast<Model *>(handle);
    model.to_device.clear();
    model.from_device.clear();
    model.frames = 0;
    model.offering = false;
    model.top->rst = 1;
    while (cycles--) model.tick();
    model.top->rst = 0;
}

API void metabit_stall(void *handle, uint64_t seed, unsigned rx_odds, unsigned tx_odds) {
    auto &model = *static_cast<Model *>(handle);
    model.rx_stalls.set(2 * seed, rx_odds);
    model.tx_stalls.set(2 * seed + 1, tx_odds);
}

// Queue bytes; they reach the device in `metabit_run`.
API void metabit_send(void *handle, const uint8_t *bytes, uint64_t count) {
    auto &model = *static_cast<Model *>(handle);
    model.to_device.insert(model.to_device.end(), bytes, bytes + count);
}

enum Until : int { UNTIL_LIMIT, UNTIL_SENT, UNTIL_FRAME };

// Run until the condition holds or the limit is reached; returns whether the condition holds.
API int metabit_run(void *handle, int until, uint64_t limit) {
    auto &model = *static_cast<Model *>(handle);
    for (;; --limit) {
        if (until == UNTIL_SENT && model.to_device.empty()) return 1;
        if (until == UNTIL_FRAME && model.frames) return 1;
        if (!limit) return 0;
        model.tick();
    }
}

// Move received bytes to `bytes`, up to and including the first zero; returns how many.
API uint64_t metabit_receive(void *handle, uint8_t *bytes, uint64_t capacity) {
    auto &model = *static_cast<Model *>(handle);
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

// Record a waveform from now on, or stop (null); returns whether the model can.
API int metabit_trace(void *handle, const char *path) {
#if defined(METABIT_TRACE_VCD) || defined(METABIT_TRACE_FST)
    auto &model = *static_cast<Model *>(handle);
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
