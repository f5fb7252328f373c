// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"
#include "shedder/limit_window.h"

namespace loadline {

// Additive increase, multiplicative decrease, as TCP Reno does with its window: a slot more for
// every window in which at least half the slots were used, a tenth less for every one with an
// overload. Source and constants: AIMDLimit of Netflix's concurrency-limits (Apache-2.0), where
// every call is an update; ours is a window (see limit_window.h), because those who were active at
// the last decrease are still ending, and to react to them again would collapse the limit.
//
// Overload is an error of overload, a client that gave up, or a mean service time above 5 s.
//
// Fails thus: until somebody gives up it knows no reason to stop growing, so it settles where
// clients time out (measured: 0.54 of the best goodput at twice the capacity).
//
// A pure function of what it is given. Not thread-safe.
class AimdLimit {
 public:
  // Requires 1 <= bounds.min <= initial <= bounds.max.
  AimdLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept;

  // `service` is the usual service time, zero if not known yet.
  LimitStep on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept;

  void set_bounds(const LimitBounds& bounds) noexcept;
  [[nodiscard]] LimitSnapshot snapshot() const noexcept;

 private:
  void on_window(const WindowSummary& window) noexcept;

  LimitBounds bounds_;
  double limit_;
  std::string_view reason_ = "starting";
  std::uint64_t updates_ = 0;
  LimitWindow window_ = {};
};

}  // namespace loadline
