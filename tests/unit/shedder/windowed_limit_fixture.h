// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "shedder/limit_law.h"
#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {

// One second of load, as a law is to see it.
struct Load {
  std::uint64_t answered = 100;
  double active = 20;
  double latency = 0.010;  // Seconds.
  std::uint64_t overloaded = 0;
};

// A law and the totals it is shown.
template <typename Law>
class Fed {
 public:
  explicit Fed(std::uint32_t initial, const LimitBounds& bounds = {.min = 1, .max = 1000})
      : law(bounds, initial) {
    tick();
  }

  // Windows of a second, one after the other. The limit after them.
  double feed(const Load& load, int windows = 1) {
    for (int i = 0; i < windows; ++i) {
      totals.answered += load.answered;
      totals.overloaded += load.overloaded;
      totals.service += std::chrono::duration_cast<Duration>(
          std::chrono::duration<double>(load.latency * static_cast<double>(load.answered)));
      totals.samples += load.answered;
      totals.active += static_cast<std::uint64_t>(load.active * static_cast<double>(load.answered));
      now += std::chrono::seconds(1);
      tick();
    }
    return limit();
  }
  void tick() { step = law.on_tick(totals, Duration::zero(), now); }
  [[nodiscard]] double limit() const { return law.snapshot().limit; }

  Law law;
  LoadTotals totals;
  TimePoint now = kStart;
  LimitStep step;
};

// A saturated database without noise, whose latency is a function of the active operations.
template <typename Law>
class FluidDatabase {
 public:
  explicit FluidDatabase(std::function<double(double)> latency_of)
      : law({.min = 4, .max = 1000}, 20), latency(std::move(latency_of)) {}

  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += std::chrono::milliseconds(10)) {
      const LimitStep step = law.on_tick(totals, Duration::zero(), now);
      const double seconds_each = latency(step.slots);
      credit_ += 0.010 * step.slots / seconds_each;
      const auto ended = static_cast<std::uint64_t>(credit_);
      credit_ -= static_cast<double>(ended);
      if (seconds_each > deadline) {
        totals.overloaded += ended;
      } else {
        totals.answered += ended;
        totals.service += std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(seconds_each * static_cast<double>(ended)));
        totals.samples += ended;
        totals.active += ended * step.slots;
      }
      limits.push_back(law.snapshot().limit);
    }
  }
  // Least and greatest limit from a time of the run on.
  [[nodiscard]] std::pair<double, double> range_since(Duration since) const {
    const auto [least, greatest] =
        std::minmax_element(limits.begin() + (since / std::chrono::milliseconds(10)), limits.end());
    return {*least, *greatest};
  }

  Law law;
  std::function<double(double)> latency;
  double deadline = 1e9;  // Seconds: a client whose answer takes longer gives up.
  LoadTotals totals;
  TimePoint now = kStart;
  std::vector<double> limits;

 private:
  double credit_ = 0;
};

// The universal scalability law: throughput peaks at 44 active, with 3100 a second.
inline double scalability_law(double n) {
  return 0.005 * (1 + 0.02 * (n - 1) + 5e-4 * n * (n - 1));
}

}  // namespace loadline
