// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/arrivals.h"
#include "proxy/simulator/scenario.h"
#include "proxy/simulator/traffic.h"
#include "shedder/rng.h"

namespace loadline::simulator {

// When the operations of a recording arrive in one run, and what they want. The same for every
// policy, as Arrivals are: what is drawn depends on the scenario and the seed alone.
class Replay {
 public:
  // Requires a scenario with traffic, which must outlive it.
  Replay(const Scenario& scenario, std::uint64_t seed);

  // Since the start; Duration::max() if there are no more.
  [[nodiscard]] Duration next() const;
  // The one that next() was about. Requires that there is one.
  [[nodiscard]] Request draw(TimePoint now);

 private:
  struct Arrival {
    Duration at = {};
    std::uint32_t operation = 0;
  };

  [[nodiscard]] Duration draw_work(const RecordedOperation& operation);

  const Traffic& traffic_;
  SpeedLaw law_;
  Rng rng_;
  std::vector<Arrival> arrivals_;  // By time.
  std::size_t next_ = 0;
};

}  // namespace loadline::simulator
