// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proxy/loadgen/random.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

enum class ArrivalKind : std::uint8_t {
  poisson,   // Gaps are exponential: what many independent users make.
  constant,  // Gaps are equal: what a cron or another generator makes.
};

// A stretch of time with one rate.
struct RateStep {
  double per_second = 0;
  Duration duration = {};
};

// When operations are meant to start, whatever becomes of them. A unit-rate process is drawn and
// its time is stretched by the rate in force, which is exact across changes of the rate.
class Arrivals {
 public:
  struct Options {
    ArrivalKind kind = ArrivalKind::poisson;
    std::vector<RateStep> steps = {};
    std::uint64_t seed = 1;
  };

  explicit Arrivals(Options options);

  // The next start as an offset from the beginning of the first step, never less than the last one.
  // Nothing once the steps are over.
  [[nodiscard]] std::optional<Duration> next();

 private:
  Options options_;
  Random random_;
  bool begun_ = false;
  std::size_t step_ = 0;
  double step_begin_seconds_ = 0;
  double position_seconds_ = 0;  // Within the step.
};

}  // namespace loadline::loadgen
