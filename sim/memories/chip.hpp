// What all models of memory chips share: time, settings by name, counters, and what was violated.

#ifndef METABIT_MEMORIES_CHIP_HPP
#define METABIT_MEMORIES_CHIP_HPP

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace metabit {

// Picoseconds; those before power-up are negative.
using Time = int64_t;

constexpr Time nanosecond = 1000;
constexpr Time microsecond = 1000 * nanosecond;
constexpr Time millisecond = 1000 * microsecond;
constexpr Time second = 1000 * millisecond;

// Longer ago than any limit of a data sheet.
constexpr Time never = -1000 * second;

struct Violation {
    Time time;
    std::string name;  // of the check, mostly the data sheet's symbol
    std::string text;
};

// A number that a test may change. `unit` is what 1 stands for: a nanosecond for times.
struct Setting {
    const char *name;
    int64_t *value;
    int64_t unit;
};

struct Counter {
    const char *name;
    const uint64_t *value;
};

// Lines that nobody drives carry noise, the same every time.
class Noise {
  public:
    uint32_t draw() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }

  private:
    uint32_t state_ = 0x2545F491u;
};

class Chip {
  public:
    virtual ~Chip() = default;

    const std::vector<Violation> &violations() const { return violations_; }
    const std::vector<Counter> &counters() const { return counters_; }

    Setting *setting(const char *name) {
        for (auto &setting : settings_)
            if (!std::strcmp(setting.name, name)) return &setting;
        return nullptr;
    }

    // Take the power away and bring it back, with the settings as they are. What is volatile is
    // lost; violations and counters stay.
    virtual void power_up(Time now) = 0;

    // Contents as seen from outside: bytes at an address. Both return whether all lie in the chip.
    virtual bool load(uint64_t address, const uint8_t *bytes, uint64_t count) = 0;
    virtual bool save(uint64_t address, uint8_t *bytes, uint64_t count) const = 0;

  protected:
    // Keeps the first ones: where one thing goes wrong, thousands follow.
    static constexpr size_t kept_violations = 1000;

    template <class... Values>
    void violate(Time time, const char *name, const char *format, Values... values) {
        if (violations_.size() == kept_violations) return;
        char text[256];
        std::snprintf(text, sizeof text, format, values...);
        violations_.push_back({time, name, text});
    }

    // Check that `time` is at least `least` after `since`.
    void apart(Time time, const char *name, Time since, Time least, const char *what) {
        if (time - since < least)
            violate(time, name, "%s after %.3f ns, not before %.3f ns", what,
                    double(time - since) / nanosecond, double(least) / nanosecond);
    }

    Time powered_ = 0;  // when the power came
    std::vector<Violation> violations_;
    std::vector<Setting> settings_;
    std::vector<Counter> counters_;
};

}  // namespace metabit

#endif
