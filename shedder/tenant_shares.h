// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "shedder/clock.h"
#include "shedder/priority.h"

namespace loadline {

// Which operations of a tier to refuse first: those of tenants who ask for more than the others.
//
// A cut through a tier at some cohort takes the same share of everybody's operations, so a tenant
// who asks for twenty times as much is also served twenty times as much. Here an operation's place
// in its tier is drawn in proportion to what its tenant asks for: a tenant who asks for s passes a
// cut at x with probability min(1, x / s). Whatever share a cut refuses, those who pass are then
// the max-min fair allocation of what is left, and nobody has to compute it. That is core-stateless
// fair queueing (Stoica, Shenker and Zhang, SIGCOMM 1998) with the threshold of the priority
// histogram in the place of its fair rate.
//
// Up to the mean of all tenants the place within the tier is the cohort's, so a cut hits the same
// parties for as long as cohorts last. A tenant beyond the mean is treated as several tenants of
// the mean's size, and chance says which of them an operation belongs to.
//
// Tiers come before tenants: within a tier only. But a tenant who asks for a large share of all
// that the database can do, by whatever tier it claims, stands a tier lower with the excess, its
// own least important operations first. One tier, not more: tiers are the operator's word.
//
// What a tenant asks for is counted in slots that tenants share by hash, so memory is bounded
// whatever their number: of a million, about equally many share each slot, and one that stands out
// still does.
class TenantShares {
 public:
  static constexpr std::size_t kSlotsPerTier = 1024;
  static constexpr std::size_t kSlotCount = kTierCount * kSlotsPerTier;
  using Slot = std::uint32_t;

  // Since start, in units of the usual operation's slot time.
  struct Totals {
    std::vector<double> offered = std::vector<double>(kSlotCount);
    double entered = 0;  // Of all that, what was let through.
  };

  TenantShares();

  [[nodiscard]] static Slot slot_of(Tier tier, std::uint64_t tenant) noexcept;

  // `draw` is random. By any thread.
  [[nodiscard]] Place place(Priority priority, Slot slot, std::uint64_t draw) const noexcept;

  // To be called a few times a second, by one thread. `share_max`: of what is let through, what a
  // tenant may ask for before it counts less; at least twice an equal share.
  void update(const Totals& totals, double share_max, TimePoint now) noexcept;

 private:
  // What the tenants of a slot ask for, as multiples of the mean of the tier's tenants.
  struct Size {
    std::atomic<float> asked = 0;
    std::atomic<float> kept = 0;  // The part of it that keeps its tier.
  };

  void publish(double share_max) noexcept;

  std::vector<Size> sizes_;
  Totals mark_;
  std::vector<double> recent_;  // Fades.
  double recent_entered_ = 0;
  bool started_ = false;
  TimePoint updated_at_ = {};
};

}  // namespace loadline
