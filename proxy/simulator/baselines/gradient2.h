// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "proxy/simulator/baselines/pool.h"
#include "proxy/simulator/baselines/window.h"

namespace loadline::simulator {

// Netflix concurrency-limits' Gradient2Limit with its defaults, refusing at the limit:
// g = clamp(1.5 long / short, 0.5, 1); L <- 0.8 L + 0.2 (g L + 4), within 20..200, unless less than
// half of it is in use. `long` is a moving average over 600 windows. It follows `short` up, so
// under mild overload both rise together until the limit is at its maximum.
class Gradient2 final : public Pool {
 public:
  Gradient2() : Pool({.limit = kMin}) {}

 private:
  static constexpr double kMin = 20;
  static constexpr double kMax = 200;

  void on_answer(const Answer& answer, TimePoint now) override {
    Window::Summary window;
    if (!window_.add(answer.latency, answer.active, now, window)) return;
    constexpr double kWarmUp = 10;
    constexpr double kWindows = 600;
    ++windows_;
    const double weight = windows_ <= kWarmUp ? 1 / windows_ : 2 / (kWindows + 1);
    long_s_ += weight * (window.latency_s - long_s_);
    if (long_s_ > 2 * window.latency_s) long_s_ *= 0.95;
    if (window.active_max < limit() / 2) return;
    const double gradient = std::clamp(1.5 * long_s_ / window.latency_s, 0.5, 1.0);
    set_limit(std::clamp(0.8 * limit() + 0.2 * (gradient * limit() + 4), kMin, kMax));
  }

  Window window_;
  double windows_ = 0;
  double long_s_ = 0;
};

}  // namespace loadline::simulator
