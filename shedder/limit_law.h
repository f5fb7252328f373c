// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "shedder/clock.h"

namespace loadline {

// What a law of the limit learns from: totals since start, of which it takes differences.
struct LoadTotals {
  std::uint64_t offered = 0;
  std::uint64_t shed = 0;
  std::uint64_t answered = 0;    // By the database, other than with an error of overload.
  std::uint64_t overloaded = 0;  // Errors of overload, and clients that gave up during execution.
  Duration service = Duration::zero();  // Of the answered. Never time in the queue.

  // Samples: the answered that were dispatched and finished in one measured phase.
  std::uint64_t samples = 0;
  double log_latency = 0;    // Sum of ln(service time in seconds), each less its kind's centre.
  std::uint64_t active = 0;  // Sum of operations active at each one's dispatch, itself included.
};

// A number for the stretch of time during which a law holds the slots still. An operation carries
// that of its dispatch, so that its latency is counted only for a concurrency that it really met.
class LimitPhase {
 public:
  static constexpr std::uint32_t kStepBits = 4;

  constexpr LimitPhase() noexcept = default;  // Never measured, and no law's.
  // Requires step < 2^kStepBits and cycle > 0. Measured phases have even steps.
  constexpr LimitPhase(std::uint32_t cycle, std::uint32_t step) noexcept
      : number_((cycle << kStepBits) | step) {}
  [[nodiscard]] static constexpr LimitPhase from_number(std::uint32_t number) noexcept {
    LimitPhase phase;
    phase.number_ = number;
    return phase;
  }

  [[nodiscard]] constexpr std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] constexpr std::uint32_t cycle() const noexcept { return number_ >> kStepBits; }
  [[nodiscard]] constexpr bool is_measured() const noexcept {
    return number_ != 0 && (number_ & 1U) == 0;
  }

 private:
  std::uint32_t number_ = 0;
};

// What a law asks of the gate until its next update.
struct LimitStep {
  std::uint32_t slots = 1;  // How many may be active now. The law keeps its limit as a double.
  LimitPhase phase = {};
  TimePoint due = {};  // When the law wants to look again.
};

// What a law may ask for.
struct LimitBounds {
  std::uint32_t min = 1;
  std::uint32_t max = 1;
};

}  // namespace loadline
