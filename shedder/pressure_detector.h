// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shedder/clock.h"

namespace loadline {

// Is the wait queue a standing one? It is when it hasn't been empty for a while: the "last empty"
// rule of adaptive LIFO (Maurer: "Fail at Scale", 2015). A queue that empties now and then only
// absorbs bursts, and first come first served is fair to all; in a standing queue the oldest have
// clients about to give up, and only the newest can still be served in time.
//
// Not by CoDel's minimum waiting time: newest-first keeps the minimum near zero, so that detector
// would disarm itself and go back to serving those who are about to leave.
class PressureDetector {
 public:
  void on_non_empty(TimePoint now) noexcept {
    empty_ = false;
    non_empty_since_ = now;
  }
  void on_empty() noexcept { empty_ = true; }

  [[nodiscard]] bool under_pressure(Duration pressure_after, TimePoint now) const noexcept {
    return !empty_ && elapsed_since(non_empty_since_, now) >= pressure_after;
  }

 private:
  bool empty_ = true;
  TimePoint non_empty_since_ = {};
};

}  // namespace loadline
