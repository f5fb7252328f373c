// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/arrivals.h"

#include <cmath>
#include <utility>

namespace loadline::loadgen {

Arrivals::Arrivals(Options options) : options_(std::move(options)), random_(options_.seed) {}

std::optional<Duration> Arrivals::next() {
  // Constant streams of several classes and threads must not beat in time, hence a random start.
  double left = options_.kind == ArrivalKind::poisson ? -std::log1p(-random_.unit())
                : begun_                              ? 1.0
                                                      : random_.unit();
  begun_ = true;
  for (; step_ < options_.steps.size(); ++step_) {
    const RateStep& step = options_.steps[step_];
    const double seconds = std::chrono::duration<double>(step.duration).count();
    const double holds = (seconds - position_seconds_) * step.per_second;
    if (left < holds) {
      position_seconds_ += left / step.per_second;
      return std::chrono::duration_cast<Duration>(
          std::chrono::duration<double>(step_begin_seconds_ + position_seconds_));
    }
    left -= holds;
    step_begin_seconds_ += seconds;
    position_seconds_ = 0;
  }
  return std::nullopt;
}

}  // namespace loadline::loadgen
