// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "proxy/simulator/scenario.h"

namespace loadline::simulator {

// A scenario's events as functions of the time since the start. Pure, and shared by the run and by
// the oracle, which must not disagree about what happened.
class Timeline {
 public:
  explicit Timeline(const Scenario& scenario);

  // Share of its speed that the machine has; 0 while it is frozen or restarting.
  [[nodiscard]] double capacity(Duration since) const;
  // What work begun then is multiplied by: the cache is cold.
  [[nodiscard]] double work_factor(Duration since) const;
  [[nodiscard]] bool refuses_connections(Duration since) const;
  [[nodiscard]] double replica_speed(Duration since) const;
  [[nodiscard]] Duration io(std::size_t class_index, Duration since) const;
  // Arrivals of a class per second.
  [[nodiscard]] double rate(std::size_t class_index, Duration since) const;

  // When anything but work_factor() changes, ascending.
  [[nodiscard]] const std::vector<Duration>& changes() const { return changes_; }
  [[nodiscard]] bool has_cold_cache() const { return has_cold_cache_; }

 private:
  [[nodiscard]] double weight(std::size_t class_index, Duration since) const;

  Scenario scenario_;
  double capacity_per_s_ = 0;
  double weights_ = 0;  // Of the weighted classes, before any change of the mix.
  bool has_cold_cache_ = false;
  std::vector<Duration> changes_;
};

}  // namespace loadline::simulator
