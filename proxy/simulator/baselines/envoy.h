// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "proxy/simulator/baselines/pool.h"
#include "shedder/rng.h"

namespace loadline::simulator {

// Envoy's adaptive concurrency filter (gradient controller), as its documentation sets it up. Every
// 100 ms, with the median latency: g = clamp(1.25 min / median, 0.5, 2); L <- g L + sqrt(g L),
// within 3..1000. The minimum is measured every minute with the limit pinned to 3 for 50 answers.
// It doesn't ask whether the limit is in use, so at low load it goes to its maximum.
class Envoy final : public Pool {
 public:
  explicit Envoy(std::uint64_t seed) : Pool({.limit = kMin}), rng_(seed) {
    set_period(std::chrono::milliseconds(100));
  }

 private:
  static constexpr double kMin = 3;
  static constexpr std::size_t kProbeCount = 50;

  void on_answer(const Answer& answer, TimePoint now) override {
    if (is_probing_) {
      if (answer.admitted_at < probe_at_) return;
      samples_.push_back(std::chrono::duration<double>(answer.latency).count());
      if (samples_.size() >= kProbeCount) end_probe(now);
      return;
    }
    samples_.push_back(std::chrono::duration<double>(answer.latency).count());
  }

  void on_period(TimePoint now) override {
    if (is_probing_) return;
    if (now >= probe_at_ || at_minimum_ >= 5) return begin_probe(now);
    if (samples_.empty()) return;
    const double gradient = std::clamp(least_s_ * 1.25 / median(), 0.5, 2.0);
    const double scaled = gradient * limit();
    set_limit(std::clamp(scaled + std::sqrt(scaled), kMin, 1000.0));
    at_minimum_ = limit() <= kMin ? at_minimum_ + 1 : 0;
    samples_.clear();
  }

  void begin_probe(TimePoint now) {
    is_probing_ = true;
    probe_at_ = now;
    before_ = limit();
    set_limit(kMin);
    samples_.clear();
  }

  void end_probe(TimePoint now) {
    least_s_ = median();
    samples_.clear();
    is_probing_ = false;
    at_minimum_ = 0;
    set_limit(before_);
    const double next_s = 60 * rng_.uniform(1, 1.15);
    probe_at_ = now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(next_s));
  }

  [[nodiscard]] double median() {
    const auto half = samples_.begin() + static_cast<std::ptrdiff_t>(samples_.size() / 2);
    std::nth_element(samples_.begin(), half, samples_.end());
    return *half;
  }

  Rng rng_;
  bool is_probing_ = true;   // It begins by measuring.
  TimePoint probe_at_ = {};  // Of the present one, or the next.
  double before_ = kMin;
  double least_s_ = 0;
  int at_minimum_ = 0;
  std::vector<double> samples_;
};

}  // namespace loadline::simulator
