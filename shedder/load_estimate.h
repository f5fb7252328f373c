// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shedder/clock.h"
#include "shedder/limit_law.h"

namespace loadline {

// Running estimates of what the gate's rules need: how long an operation takes, how many finish in
// a second, what share is being shed. Means over some 300 ms. Not thread-safe.
class LoadEstimate {
 public:
  // Does something every 100 ms at most; call it at every tick.
  void on_tick(const LoadTotals& totals, TimePoint now) noexcept;

  // Mean time at the database. Zero until something has been answered. One update changes it by a
  // factor of two at most, so that a stall's survivors don't make everybody look too late.
  [[nodiscard]] Duration service() const noexcept { return service_; }
  // Answers a second. Stays as it is while nothing is answered: a stalled database has the capacity
  // that it had, and a bound on waiting that shrinks to nothing would only delay its recovery.
  [[nodiscard]] double throughput() const noexcept { return throughput_; }
  // Share of the offered that were shed, 0..1.
  [[nodiscard]] double shed_share() const noexcept { return shed_share_; }

 private:
  bool started_ = false;
  TimePoint since_ = {};
  LoadTotals mark_ = {};
  Duration service_ = Duration::zero();
  double throughput_ = 0;
  double shed_share_ = 0;
};

}  // namespace loadline
