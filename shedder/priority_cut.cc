// SPDX-License-Identifier: Apache-2.0
#include "shedder/priority_cut.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

constexpr double kRememberedMax = 1000;
constexpr double kRememberedMin = 200;

constexpr double kShareScale = 65535;
// So that a tier that is shed is heard of, unless nearly everything is.
constexpr double kProbeBelow = 0.9;
constexpr std::uint64_t kProbeOneIn = 100;

}  // namespace

PriorityThreshold PriorityThreshold::at(std::uint32_t place, double refused_share,
                                        bool probes) noexcept {
  const auto share =
      static_cast<std::uint32_t>(std::lround(std::clamp(refused_share, 0.0, 1.0) * kShareScale));
  return from_word((place << kPlaceShift) | (probes ? 1U << kProbesBit : 0U) | share);
}

bool PriorityThreshold::passes(Place place, std::uint64_t draw) const noexcept {
  if (is_t0(place) || place < this->place()) return true;
  constexpr std::uint64_t kShareMask = (std::uint64_t{1} << kShareBits) - 1;
  const bool is_cut = place == this->place();
  if (is_cut && (draw & kShareMask) >= (word_ & kShareMask)) return true;
  const bool probes = (word_ >> kProbesBit & 1U) != 0;
  return probes && (draw >> kShareBits) % kProbeOneIn == 0;
}

double PriorityThreshold::refused_share() const noexcept {
  constexpr std::uint32_t kShareMask = (1U << kShareBits) - 1;
  return static_cast<double>(word_ & kShareMask) / kShareScale;
}

void PriorityCut::add(const Counts& offered) noexcept {
  double added = 0;
  for (const std::uint32_t count : offered) added += count;
  if (added == 0) return;
  const double kept = sum_ + added > kRememberedMax
                          ? std::max(0.0, (kRememberedMax - added) / std::max(sum_, 1.0))
                          : 1.0;
  sum_ = 0;
  for (std::size_t i = 0; i < kPlaceCount; ++i) {
    remembered_[i] = remembered_[i] * static_cast<float>(kept) + static_cast<float>(offered[i]);
    sum_ += remembered_[i];
  }
}

PriorityThreshold PriorityCut::threshold(double refused_share) const noexcept {
  if (refused_share <= 0 || sum_ < kRememberedMin) return {};
  double left = refused_share * sum_;
  const bool probes = refused_share < kProbeBelow;
  const std::size_t first = Priority(Tier::t1, 0).level();
  for (std::size_t place = kPlaceCount; place-- > first;) {
    const double here = remembered_[place];
    if (here >= left && here > 0) {
      return PriorityThreshold::at(static_cast<std::uint32_t>(place), left / here, probes);
    }
    left -= here;
  }
  return PriorityThreshold::at(static_cast<std::uint32_t>(first), 1, probes);
}

std::array<double, kTierCount> PriorityCut::passing(PriorityThreshold threshold) const noexcept {
  std::array<double, kTierCount> offered = {};
  std::array<double, kTierCount> passed = {};
  for (std::size_t place = 0; place < kPlaceCount; ++place) {
    const std::size_t tier = std::min(place / kCohortCount, kTierCount - 1);
    const auto here = static_cast<double>(remembered_[place]);
    offered[tier] += here;
    if (tier == 0 || place < threshold.place()) passed[tier] += here;
    if (tier != 0 && place == threshold.place()) {
      passed[tier] += here * (1 - threshold.refused_share());
    }
  }
  std::array<double, kTierCount> shares = {};
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    shares[tier] = offered[tier] > 0 ? passed[tier] / offered[tier] : 1;
  }
  return shares;
}

}  // namespace loadline
