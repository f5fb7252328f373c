// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shedder/priority.h"
#include "shedder/priority_cut.h"
#include "shedder/signal_options.h"

namespace loadline {

// What signals refuse of one tier, in one word that workers may read at any time: all cohorts worse
// than one, and a share of that one. No probes pass: what a signal measures is heard of anyhow.
class SignalThreshold {
 public:
  constexpr SignalThreshold() noexcept = default;  // Everything passes.
  [[nodiscard]] static constexpr SignalThreshold from_word(std::uint32_t word) noexcept {
    SignalThreshold threshold;
    threshold.word_ = word;
    return threshold;
  }
  // Refuses cohorts worse than `cohort`, and `refused_share` (0..1) of it, because of `signal`.
  [[nodiscard]] static SignalThreshold at(std::uint32_t cohort, double refused_share,
                                          std::size_t signal) noexcept;

  [[nodiscard]] constexpr std::uint32_t word() const noexcept { return word_; }
  [[nodiscard]] constexpr bool is_open() const noexcept { return word_ == 0; }
  // The one that binds. Requires that it isn't open.
  [[nodiscard]] constexpr std::size_t signal() const noexcept { return word_ >> kSignalShift; }
  [[nodiscard]] constexpr bool is_tighter_than(SignalThreshold other) const noexcept {
    return (word_ & kTightnessMask) > (other.word_ & kTightnessMask);
  }
  // `draw` is random, for the one cohort that is cut through.
  [[nodiscard]] bool passes(std::uint32_t cohort, std::uint64_t draw) const noexcept;

 private:
  static constexpr unsigned kShareBits = 17;  // 0 to 1 << 16, both included.
  static constexpr unsigned kSignalShift = kShareBits + 7;
  static constexpr std::uint32_t kTightnessMask = (1U << kSignalShift) - 1;
  static_assert(kCohortCount == 1U << 7U && kSignalsMax <= 1U << (32U - kSignalShift));

  std::uint32_t word_ = 0;
};

using SignalThresholds = std::array<SignalThreshold, kTierCount>;

// What one signal asks for.
struct SignalClaim {
  double ratio = 0;  // 0 to 1, of what is offered in the tiers that it concerns.
  Tier tier_best = Tier::t1;
  Tier tier_worst = Tier::t5;
  std::size_t signal = 0;
};

// Refuses that share of the remembered priorities, the worst first, and nothing in other tiers.
// Each tier keeps the tighter of its thresholds: signals aren't added up. All of it is refused by a
// ratio of 1, whatever is remembered.
void tighten(SignalThresholds& thresholds, const SignalClaim& claim,
             const PriorityCut& offered) noexcept;

}  // namespace loadline
