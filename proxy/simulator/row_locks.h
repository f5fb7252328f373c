// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proxy/simulator/ring.h"

namespace loadline::simulator {

// Locks, each held by one job at a time and given to those who want it in order of asking.
class RowLocks {
 public:
  explicit RowLocks(std::uint32_t count) : locks_(count) {}

  // True: `job` holds it now. False: it waits.
  bool acquire(std::uint32_t lock, std::uint32_t job);
  // Requires that `job` holds it. Returns who holds it now.
  std::optional<std::uint32_t> release(std::uint32_t lock);
  // A job that waits gives up.
  void leave(std::uint32_t lock, std::uint32_t job);
  void clear();

 private:
  struct Lock {
    bool is_held = false;
    Ring<std::uint32_t> waiting = {};
  };
  std::vector<Lock> locks_;
};

}  // namespace loadline::simulator
