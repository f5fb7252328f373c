// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>

#include "proxy/simulator/baselines/pool.h"

namespace loadline::simulator {

// So many admissions per second, and a hundredth of a second's worth at once. Knows nothing of the
// database, which therefore must never become slower.
class TokenBucket final : public Pool {
 public:
  explicit TokenBucket(double per_s)
      : Pool({.limit = std::numeric_limits<double>::infinity()}),
        per_s_(per_s),
        burst_(std::max(1.0, per_s / 100)),
        tokens_(burst_) {}

 private:
  [[nodiscard]] bool refuses(const OperationProfile& /*profile*/, TimePoint now) override {
    if (at_ != TimePoint()) {
      const double passed_s = std::chrono::duration<double>(now - at_).count();
      tokens_ = std::min(burst_, tokens_ + passed_s * per_s_);
    }
    at_ = now;
    if (tokens_ < 1) return true;
    tokens_ -= 1;
    return false;
  }

  double per_s_;
  double burst_;
  double tokens_;
  TimePoint at_ = {};
};

}  // namespace loadline::simulator
