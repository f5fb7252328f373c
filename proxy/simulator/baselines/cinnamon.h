// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "proxy/simulator/baselines/pool.h"
#include "proxy/simulator/ring.h"

namespace loadline::simulator {

// Uber's Cinnamon as far as it has been published (2023), reconstructed. Every 0.5 s, once the
// queue hasn't been empty for 10 s: P = (in - out - free) / out, or over the limit if nothing came
// out; x = 0.1 P + 1.4 (sum of P over 60 s); the share r = 1 - exp(-x) of the worst of the last
// 1000 priorities is refused. The rest waits for up to a third of its deadline, the best tier
// first.
//
// The limit is a Vegas on the 90th percentile over 2 s and 250 answers, smoothed, with a step of
// log10 L; its target is forgotten every 50 windows, if inflight and throughput don't contradict.
class Cinnamon final : public Pool {
 public:
  explicit Cinnamon(Duration deadline)
      : Pool({.limit = 20, .wait_max = deadline / 3, .by_tier = true}) {
    set_period(std::chrono::milliseconds(500));
  }

 private:
  struct Window {
    double active = 0;
    double per_s = 0;
  };
  static constexpr std::size_t kPriorities = 1000;
  static constexpr std::size_t kErrors = 120;  // 60 s of them.
  static constexpr std::size_t kWindows = 50;

  [[nodiscard]] bool refuses(const OperationProfile& profile, TimePoint /*now*/) override {
    priorities_.push_back(profile.priority.level());
    if (priorities_.size() > kPriorities) priorities_.pop_front();
    if (profile.priority.level() > threshold_) return true;
    in_ += 1;
    return false;
  }

  void on_answer(const Answer& answer, TimePoint now) override {
    out_ += 1;
    latencies_.push_back(std::chrono::duration<double>(answer.latency).count());
    active_sum_ += answer.active;
    if (window_at_ == TimePoint()) window_at_ = now;
    if (now - window_at_ >= std::chrono::seconds(2) && latencies_.size() >= 250) tune(now);
  }

  void on_period(TimePoint now) override {
    const double free = std::max(0.0, limit() - active());
    const double error = (in_ - (out_ + free)) / (out_ > 0 ? out_ : std::max(limit(), 1.0));
    in_ = out_ = 0;
    if (busy_for(now) < std::chrono::seconds(10)) {
      errors_.clear();
      sum_ = 0;
      threshold_ = kPriorityCount;
      return;
    }
    errors_.push_back(error);
    sum_ += error;
    if (errors_.size() > kErrors) {
      sum_ -= errors_.front();
      errors_.pop_front();
    }
    set_threshold(std::clamp(1 - std::exp(-(0.1 * error + 1.4 * sum_)), 0.0, 0.99));
  }

  void set_threshold(double refused) {
    threshold_ = kPriorityCount;
    if (refused <= 0 || priorities_.empty()) return;
    std::vector<std::uint16_t> sorted;
    for (std::size_t i = priorities_.size(); i > 0; --i) {
      sorted.push_back(priorities_.front());
      priorities_.push_back(sorted.back());
      priorities_.pop_front();
    }
    const auto at =
        static_cast<std::ptrdiff_t>((1 - refused) * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
    threshold_ = sorted[static_cast<std::size_t>(at)];
  }

  void tune(TimePoint now) {
    const auto at = static_cast<std::ptrdiff_t>(0.9 * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), latencies_.begin() + at, latencies_.end());
    const double p90 = latencies_[static_cast<std::size_t>(at)];
    const auto count = static_cast<double>(latencies_.size());
    const double length_s = std::chrono::duration<double>(now - window_at_).count();
    windows_.push_back({active_sum_ / count, count / length_s});
    smooth_s_ = smooth_s_ == 0 ? p90 : smooth_s_ + (p90 - smooth_s_) / 3;
    const double active_mean = active_sum_ / count;
    latencies_.clear();
    active_sum_ = 0;
    window_at_ = now;

    const double step = std::max(1.0, std::log10(limit()));
    double next = limit();
    if (windows_.size() >= kWindows) {
      if (covariance() >= 0) {
        target_s_ = smooth_s_;
      } else {
        next -= step;
      }
      windows_.clear();
    }
    if (target_s_ == 0 || smooth_s_ < target_s_) target_s_ = smooth_s_;
    const double queue = limit() * (1 - target_s_ / smooth_s_);
    if (queue < 3 * step && 2 * active_mean >= limit()) next += step;
    if (queue > 6 * step) next -= step;
    set_limit(std::clamp(next, 4.0, std::max(4.0, 10 * active_mean)));
  }

  [[nodiscard]] double covariance() const {
    double active = 0;
    double per_s = 0;
    for (const Window& window : windows_) {
      active += window.active / static_cast<double>(windows_.size());
      per_s += window.per_s / static_cast<double>(windows_.size());
    }
    double sum = 0;
    for (const Window& window : windows_) sum += (window.active - active) * (window.per_s - per_s);
    return sum;
  }

  Ring<std::uint16_t> priorities_;
  std::size_t threshold_ = kPriorityCount;
  double in_ = 0;
  double out_ = 0;
  Ring<double> errors_;
  double sum_ = 0;

  std::vector<double> latencies_;
  double active_sum_ = 0;
  TimePoint window_at_ = {};
  std::vector<Window> windows_;
  double smooth_s_ = 0;
  double target_s_ = 0;
};

}  // namespace loadline::simulator
