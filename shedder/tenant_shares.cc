// SPDX-License-Identifier: Apache-2.0
#include "shedder/tenant_shares.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace loadline {
namespace {

constexpr double kMemorySeconds = 3;
// Less than this is not somebody who asks for something, but the fading memory of one who did.
constexpr double kPresent = 0.5;

constexpr double kEqualSharesMin = 2;

// The first 64 places of a tier are for what the mean tenant asks for, in equal steps; the others
// for up to 256 times as much, eight to a doubling.
constexpr double kEqualPlaces = 64;
constexpr double kPlacesPerDoubling = 8;

constexpr double kCohorts = kCohortCount;
constexpr double kDrawScale = 1.0 / 4294967296.0;  // 2^-32

}  // namespace

TenantShares::TenantShares() : sizes_(kSlotCount), recent_(kSlotCount) {}

TenantShares::Slot TenantShares::slot_of(Tier tier, std::uint64_t tenant) noexcept {
  // Murmur3's finalizer, since a hash need not be random in all of its bits.
  std::uint64_t mixed = (tenant ^ (tenant >> 33U)) * 0xff51afd7ed558ccdU;
  mixed ^= mixed >> 33U;
  const auto within = static_cast<Slot>(mixed % kSlotsPerTier);
  return static_cast<Slot>(tier) * static_cast<Slot>(kSlotsPerTier) + within;
}

Place TenantShares::place(Priority priority, Slot slot, std::uint64_t draw) const noexcept {
  const auto size = static_cast<double>(sizes_[slot].asked.load(std::memory_order_relaxed));
  const double cohort = (priority.cohort() + 0.5) / kCohorts;
  double asked = cohort * std::min(size, 1.0);
  if (size > 1) asked += std::floor(static_cast<double>(draw >> 32U) * kDrawScale * size);
  double within = kEqualPlaces * asked;
  if (asked >= 1) within = kEqualPlaces + kPlacesPerDoubling * std::log2(asked);
  within = std::min(within, kCohorts - 1);

  std::uint32_t tier_place = priority.level() - priority.cohort();
  const auto kept = static_cast<double>(sizes_[slot].kept.load(std::memory_order_relaxed));
  if (asked > kept && priority.tier() != Tier::t0) tier_place += kCohortCount;
  return static_cast<Place>(tier_place + static_cast<std::uint32_t>(within));
}

void TenantShares::update(const Totals& totals, double share_max, TimePoint now) noexcept {
  const double elapsed = std::chrono::duration<double>(elapsed_since(updated_at_, now)).count();
  const double remembered = started_ ? std::exp(-elapsed / kMemorySeconds) : 0;
  started_ = true;
  updated_at_ = now;
  for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
    recent_[slot] = recent_[slot] * remembered + (totals.offered[slot] - mark_.offered[slot]);
    mark_.offered[slot] = totals.offered[slot];
  }
  recent_entered_ = recent_entered_ * remembered + (totals.entered - mark_.entered);
  mark_.entered = totals.entered;
  publish(share_max);
}

// A tenant's tiers are at the same distance from the beginning of each tier's slots.
void TenantShares::publish(double share_max) noexcept {
  std::array<double, kTierCount> sums = {};
  std::array<double, kTierCount> present = {};
  double tenants = 0;
  for (std::size_t within = 0; within < kSlotsPerTier; ++within) {
    bool is_present = false;
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      const double asked = recent_[tier * kSlotsPerTier + within];
      if (asked < kPresent) continue;
      is_present = true;
      sums[tier] += asked;
      present[tier] += 1;
    }
    if (is_present) tenants += 1;
  }
  const double share = std::max(share_max, kEqualSharesMin / std::max(tenants, 1.0));
  const double allowed = share < 1 ? share * recent_entered_ : HUGE_VAL;
  for (std::size_t within = 0; within < kSlotsPerTier; ++within) {
    double left = allowed;
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      const std::size_t slot = tier * kSlotsPerTier + within;
      const double mean = present[tier] > 0 ? sums[tier] / present[tier] : 1;
      const double kept = std::clamp(left, 0.0, recent_[slot]);
      left -= recent_[slot];
      sizes_[slot].asked.store(static_cast<float>(recent_[slot] / mean), std::memory_order_relaxed);
      // All of it is kept: also what comes until the next update, which may be more.
      const bool all = kept >= recent_[slot];
      sizes_[slot].kept.store(all ? HUGE_VALF : static_cast<float>(kept / mean),
                              std::memory_order_relaxed);
    }
  }
}

}  // namespace loadline
