// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"
#include "shedder/limit_window.h"

namespace loadline {

// Compares the latency of now with a long average of itself: the ratio is the gradient g, and
// L <- 0.8 L + 0.2 (g L + 4) with g = clamp(1.5 long / short, 0.5, 1). The 4 is a queue that is
// allowed, so that there is always something to learn from; the 1.5 tolerates noise. The average is
// over 600 windows (a plain mean of the first 10), and is pulled down by 5% a window while it is
// more than twice the latency of now, to recover from an overload. Source and constants:
// Gradient2Limit of Netflix's concurrency-limits (Apache-2.0), windowed as there (limit_window.h).
// It ignores errors of overload, as there.
//
// Fails thus: under a mild overload the limit grows while short < 1.5 long and the long average
// then follows the latency that this causes, a ratchet up to the bound (measured: 46 to 200 in 22
// minutes); and a disk that becomes slower looks like a queue until the average has caught up.
//
// A pure function of what it is given. Not thread-safe.
class Gradient2Limit {
 public:
  // Requires 1 <= bounds.min <= initial <= bounds.max.
  Gradient2Limit(const LimitBounds& bounds, std::uint32_t initial) noexcept;

  // `service` is the usual service time, zero if not known yet.
  LimitStep on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept;

  void set_bounds(const LimitBounds& bounds) noexcept;
  [[nodiscard]] LimitSnapshot snapshot() const noexcept;

 private:
  void on_window(const WindowSummary& window) noexcept;
  void learn(double latency) noexcept;

  LimitBounds bounds_;
  double limit_;
  double latency_long_ = 0;              // Seconds.
  std::uint32_t latencies_learned_ = 0;  // Up to the end of the warm-up.
  std::string_view reason_ = "starting";
  std::uint64_t updates_ = 0;
  LimitWindow window_ = {};
};

}  // namespace loadline
