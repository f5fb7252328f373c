// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/row_locks.h"

namespace loadline::simulator {

bool RowLocks::acquire(std::uint32_t lock, std::uint32_t job) {
  Lock& entry = locks_[lock];
  if (entry.is_held) {
    entry.waiting.push_back(job);
    return false;
  }
  entry.is_held = true;
  return true;
}

std::optional<std::uint32_t> RowLocks::release(std::uint32_t lock) {
  Lock& entry = locks_[lock];
  if (entry.waiting.empty()) {
    entry.is_held = false;
    return std::nullopt;
  }
  const std::uint32_t job = entry.waiting.front();
  entry.waiting.pop_front();
  return job;
}

void RowLocks::leave(std::uint32_t lock, std::uint32_t job) {
  // Rare (a cancelled statement), so a turn of the ring is cheap enough.
  Ring<std::uint32_t>& waiting = locks_[lock].waiting;
  for (std::size_t left = waiting.size(); left > 0; --left) {
    const std::uint32_t front = waiting.front();
    waiting.pop_front();
    if (front != job) waiting.push_back(front);
  }
}

void RowLocks::clear() {
  for (Lock& lock : locks_) {
    lock.is_held = false;
    lock.waiting.clear();
  }
}

}  // namespace loadline::simulator
