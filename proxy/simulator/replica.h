// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "proxy/simulator/ring.h"
#include "shedder/clock.h"

namespace loadline::simulator {

// A replica that applies the primary's writes in order, at a speed of its own. Its lag is the age
// of the oldest write that it hasn't applied.
class ReplicaModel {
 public:
  // Seconds of work applied per second, from now on.
  void set_speed(double speed, TimePoint now);
  // The primary committed a write that took so much work.
  void write(Duration work, TimePoint now);
  [[nodiscard]] Duration lag(TimePoint now);

 private:
  struct Batch {
    TimePoint first = {};
    double work_ns = 0;
  };
  void apply(TimePoint now);

  double speed_ = 0;
  TimePoint now_ = {};
  Ring<Batch> backlog_;
};

}  // namespace loadline::simulator
