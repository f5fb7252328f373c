// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shedder/priority.h"

namespace loadline {

// The places that pass and those that don't, in one word that workers may read at any time. t0
// passes always: the operator says who may claim it, and nobody else can.
class PriorityThreshold {
 public:
  constexpr PriorityThreshold() noexcept = default;  // Everything passes.
  [[nodiscard]] static constexpr PriorityThreshold from_word(std::uint32_t word) noexcept {
    PriorityThreshold threshold;
    threshold.word_ = word;
    return threshold;
  }
  // Passes: what is better than `place`; at it, all but `refused_share` (0..1).
  [[nodiscard]] static PriorityThreshold at(std::uint32_t place, double refused_share,
                                            bool probes) noexcept;

  [[nodiscard]] constexpr std::uint32_t word() const noexcept { return word_; }
  [[nodiscard]] constexpr std::uint32_t place() const noexcept { return word_ >> kPlaceShift; }
  // Nothing of the tier passes, but for probes and what of better tiers stands there.
  [[nodiscard]] constexpr bool refuses_all_of(Tier tier) const noexcept {
    return tier != Tier::t0 && place() < static_cast<std::uint32_t>(tier) * kCohortCount;
  }
  // Of the operations at its place, what is refused: 0 .. 1.
  [[nodiscard]] double refused_share() const noexcept;
  // Nothing is refused.
  [[nodiscard]] constexpr bool is_open() const noexcept { return word_ == kOpen; }
  // `draw` is random, for the one place that is cut through and for the probes.
  [[nodiscard]] bool passes(Place place, std::uint64_t draw) const noexcept;

 private:
  static constexpr unsigned kShareBits = 16;
  static constexpr unsigned kProbesBit = kShareBits;
  static constexpr unsigned kPlaceShift = kProbesBit + 1;
  static constexpr std::uint32_t kOpen = static_cast<std::uint32_t>(kPlaceCount) << kPlaceShift;

  std::uint32_t word_ = kOpen;
};

// Where to cut so that a given share of what is offered is refused: the quantile of the offered
// places, admitted and refused alike (of the admitted alone, the tiers that are being shed
// would vanish from the picture and come back all at once). Remembers about the last 1,000 by
// letting older ones fade. Not thread-safe.
class PriorityCut {
 public:
  using Counts = std::array<std::uint32_t, kPlaceCount>;

  // Operations offered since the last call, by place.
  void add(const Counts& offered) noexcept;
  // Open while fewer than 200 are remembered.
  [[nodiscard]] PriorityThreshold threshold(double refused_share) const noexcept;
  // The share of each tier, as remembered, that a threshold lets pass; 1 if nothing is remembered
  // of it. What of a tier stands one lower counts there.
  [[nodiscard]] std::array<double, kTierCount> passing(PriorityThreshold threshold) const noexcept;
  // How many of a level: a number that fades.
  [[nodiscard]] double remembered(std::size_t level) const noexcept { return remembered_[level]; }

 private:
  std::array<float, kPlaceCount> remembered_ = {};
  double sum_ = 0;
};

}  // namespace loadline
