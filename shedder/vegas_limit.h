// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"
#include "shedder/limit_window.h"

namespace loadline {

// Takes latency above the best one seen, R0, for a queue inside the database: by Little's law
// q = L (1 - R0 / R) operations wait there. With s = max(1, log10 L) the limit rises by 6 s while
// q <= s, by s while q < 3 s, stays up to 6 s, and falls by s above or when something was
// overloaded. R0 is the smallest window's mean, and is replaced by the present one every 22.5 L
// windows, or it would be that of another workload for ever. Source and constants: VegasLimit of
// Netflix's concurrency-limits (Apache-2.0; Brakmo, O'Malley, Peterson: "TCP Vegas", 1994),
// windowed (limit_window.h). There q is rounded up, which makes too much of it at small limits, and
// R0 is replaced every 15 to 30 L updates by lot; ours is the mean, as nothing here is by chance.
//
// Fails thus: it is the hostage of R0, so a slower disk or a changed mix of statements looks like a
// queue and the limit falls for nothing, and an R0 renewed during an overload hides the overload;
// and below a limit of 6 no q is large enough to make it fall.
//
// A pure function of what it is given. Not thread-safe.
class VegasLimit {
 public:
  // Requires 1 <= bounds.min <= initial <= bounds.max.
  VegasLimit(const LimitBounds& bounds, std::uint32_t initial) noexcept;

  // `service` is the usual service time, zero if not known yet.
  LimitStep on_tick(const LoadTotals& totals, Duration service, TimePoint now) noexcept;

  void set_bounds(const LimitBounds& bounds) noexcept;
  [[nodiscard]] LimitSnapshot snapshot() const noexcept;

 private:
  void on_window(const WindowSummary& window) noexcept;
  void step(double slots, std::string_view reason) noexcept;

  LimitBounds bounds_;
  double limit_;
  double latency_best_ = 0;  // Seconds. 0: none yet.
  std::uint64_t windows_since_best_ = 0;
  std::string_view reason_ = "starting";
  std::uint64_t updates_ = 0;
  LimitWindow window_ = {};
};

}  // namespace loadline
