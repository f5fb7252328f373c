// SPDX-License-Identifier: Apache-2.0
#include "shedder/signal_cut.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace loadline {
namespace {

constexpr std::uint32_t kCohortWorst = kCohortCount - 1;
constexpr std::uint32_t kShareScale = 1U << 16U;

void tighten(SignalThreshold& threshold, SignalThreshold other) noexcept {
  if (other.is_tighter_than(threshold)) threshold = other;
}

}  // namespace

SignalThreshold SignalThreshold::at(std::uint32_t cohort, double refused_share,
                                    std::size_t signal) noexcept {
  assert(cohort < kCohortCount && signal < kSignalsMax);
  const auto share =
      static_cast<std::uint32_t>(std::lround(std::clamp(refused_share, 0.0, 1.0) * kShareScale));
  const std::uint32_t tightness = ((kCohortWorst - cohort) << kShareBits) | share;
  if (tightness == 0) return {};
  return from_word(static_cast<std::uint32_t>(signal) << kSignalShift | tightness);
}

bool SignalThreshold::passes(std::uint32_t cohort, std::uint64_t draw) const noexcept {
  const std::uint32_t tightness = word_ & kTightnessMask;
  const std::uint32_t cut = kCohortWorst - (tightness >> kShareBits);
  if (cohort != cut) return cohort < cut;
  return draw % kShareScale >= (tightness & ((1U << kShareBits) - 1));
}

void tighten(SignalThresholds& thresholds, const SignalClaim& claim,
             const PriorityCut& offered) noexcept {
  if (claim.ratio <= 0) return;
  const std::size_t first = Priority(claim.tier_best, 0).level();
  const std::size_t last = Priority(claim.tier_worst, kCohortWorst).level();
  double total = 0;
  for (std::size_t level = first; level <= last; ++level) total += offered.remembered(level);
  if (total <= 0 && claim.ratio < 1) return;

  double left = claim.ratio * total;
  for (std::size_t level = last + 1; level-- > first;) {
    SignalThreshold& threshold = thresholds[level / kCohortCount];
    const auto cohort = static_cast<std::uint32_t>(level % kCohortCount);
    const double here = offered.remembered(level);
    if (here > left && claim.ratio < 1) {
      tighten(threshold, SignalThreshold::at(cohort, left / here, claim.signal));
      return;
    }
    left -= here;
    if (cohort == 0) tighten(threshold, SignalThreshold::at(0, 1, claim.signal));
  }
}

}  // namespace loadline
