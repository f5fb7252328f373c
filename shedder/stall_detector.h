// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "shedder/clock.h"
#include "shedder/gate_snapshot.h"

namespace loadline {

// Has the database stopped? It has when it was given work and has answered nothing for five times
// as long as all but 1% of answers take, and at least 250 ms (5 s until that is known): a freeze, a
// failover, a lock on everything. What is measured then says nothing about load. Not thread-safe.
class StallDetector {
 public:
  struct Input {
    std::uint64_t ended = 0;  // Operations so far, however they ended.
    std::uint32_t active = 0;
    const LatencySnapshot* service = nullptr;  // Totals of the answered.
  };

  void on_tick(const Input& input, TimePoint now) noexcept;
  [[nodiscard]] bool is_stalled() const noexcept { return is_stalled_; }
  // How long it may answer nothing.
  [[nodiscard]] Duration patience() const noexcept { return patience_; }

 private:
  void learn(const LatencySnapshot& service) noexcept;

  bool started_ = false;
  bool is_stalled_ = false;
  std::uint64_t ended_ = 0;
  TimePoint quiet_since_ = {};
  Duration patience_ = std::chrono::seconds(5);  // Until it is known what is usual.
  LatencySnapshot mark_ = {};
};

}  // namespace loadline
