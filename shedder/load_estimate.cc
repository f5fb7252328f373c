// SPDX-License-Identifier: Apache-2.0
#include "shedder/load_estimate.h"

#include <algorithm>

namespace loadline {
namespace {

constexpr Duration kWindowMin = std::chrono::milliseconds(100);
constexpr double kSmoothing = 0.3;
constexpr int kServiceFactorMax = 2;

}  // namespace

void LoadEstimate::on_tick(const LoadTotals& totals, TimePoint now) noexcept {
  if (!started_) {
    started_ = true;
    since_ = now;
    mark_ = totals;
    return;
  }
  const Duration lasted = now - since_;
  if (lasted < kWindowMin) return;

  const auto answered = totals.answered - mark_.answered;
  if (answered > 0) {
    const double rate =
        static_cast<double>(answered) / std::chrono::duration<double>(lasted).count();
    const Duration mean = (totals.service - mark_.service) / static_cast<std::int64_t>(answered);
    if (service_ == Duration::zero()) {
      throughput_ = rate;
      service_ = mean;
    } else {
      throughput_ += kSmoothing * (rate - throughput_);
      const Duration bounded =
          std::clamp(mean, service_ / kServiceFactorMax, service_ * kServiceFactorMax);
      service_ += std::chrono::duration_cast<Duration>((bounded - service_) * kSmoothing);
    }
  }
  // Sheds lag behind offers, so that a window may hold more of them.
  const auto offered = static_cast<double>(totals.offered - mark_.offered);
  const auto shed = static_cast<double>(totals.shed - mark_.shed);
  const double share = offered > 0 ? std::min(shed / offered, 1.0) : 0.0;
  shed_share_ += kSmoothing * (share - shed_share_);

  since_ = now;
  mark_ = totals;
}

}  // namespace loadline
