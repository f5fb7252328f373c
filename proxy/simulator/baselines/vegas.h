// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "proxy/simulator/baselines/pool.h"
#include "proxy/simulator/baselines/window.h"
#include "shedder/rng.h"

namespace loadline::simulator {

// Netflix concurrency-limits' VegasLimit behind its window, refusing at the limit. The queue it
// believes in is q = ceil(L (1 - least / now)) of latencies: up while it is below 3 log10 L, down
// above 6 log10 L, within 1..1000. The least is forgotten now and then (every 30 L windows or so).
class Vegas final : public Pool {
 public:
  explicit Vegas(std::uint64_t seed) : Pool({.limit = 20}), rng_(seed) {}

 private:
  void on_answer(const Answer& answer, TimePoint now) override {
    Window::Summary window;
    if (!window_.add(answer.latency, answer.active, now, window)) return;
    if (++since_probe_ >= jitter_ * 30 * limit()) {
      since_probe_ = 0;
      jitter_ = rng_.uniform(0.5, 1);
      least_s_ = window.latency_s;
      return;
    }
    if (least_s_ == 0 || window.latency_s < least_s_) {
      least_s_ = window.latency_s;
      return;
    }
    if (2 * window.active_max < limit()) return;
    const double step = std::max(1.0, std::log10(limit()));
    const double queue = std::ceil(limit() * (1 - least_s_ / window.latency_s));
    double next = limit();
    if (queue <= step) {
      next += 6 * step;
    } else if (queue < 3 * step) {
      next += step;
    } else if (queue > 6 * step) {
      next -= step;
    }
    set_limit(std::clamp(next, 1.0, 1000.0));
  }

  Rng rng_;
  Window window_;
  double since_probe_ = 0;
  double jitter_ = 0.75;
  double least_s_ = 0;
};

}  // namespace loadline::simulator
