// SPDX-License-Identifier: Apache-2.0
#include "shedder/stall_detector.h"

#include <algorithm>
#include <cstddef>

namespace loadline {
namespace {

constexpr Duration kPatienceMin = std::chrono::milliseconds(250);
constexpr int kPatienceFactor = 5;
constexpr std::uint64_t kAnswersMin = 500;  // For a hundredth of them to say something.
constexpr double kQuantile = 0.99;

}  // namespace

void StallDetector::on_tick(const Input& input, TimePoint now) noexcept {
  if (!started_ || input.ended != ended_ || input.active == 0) {
    started_ = true;
    is_stalled_ = false;
    ended_ = input.ended;
    quiet_since_ = now;
  } else {
    is_stalled_ = elapsed_since(quiet_since_, now) > patience_;
  }
  if (!is_stalled_ && input.service != nullptr) learn(*input.service);
}

void StallDetector::learn(const LatencySnapshot& service) noexcept {
  std::uint64_t answers = 0;
  for (std::size_t i = 0; i < service.buckets.size(); ++i) {
    answers += service.buckets[i] - mark_.buckets[i];
  }
  if (answers < kAnswersMin) return;
  const double wanted = kQuantile * static_cast<double>(answers);
  double passed = 0;
  std::size_t bucket = 0;
  for (; bucket + 1 < kLatencyBucketBounds.size(); ++bucket) {
    passed += static_cast<double>(service.buckets[bucket] - mark_.buckets[bucket]);
    if (passed >= wanted) break;
  }
  const std::chrono::duration<double> bound(kLatencyBucketBounds[bucket]);
  patience_ = std::max(kPatienceMin, kPatienceFactor * std::chrono::round<Duration>(bound));
  mark_ = service;
}

}  // namespace loadline
