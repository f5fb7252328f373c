// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shedder/clock.h"
#include "shedder/operation.h"

namespace loadline {

// When waiting operations have waited long enough: a hashed timing wheel (Varghese and Lauck,
// 1987), 512 slots of 1 ms. Expiry is jittered and cut short by deadlines, so the order in a wait
// list says nothing of who expires first. Adding and removing take constant time and allocate
// nothing. Not thread-safe: the gate's lock guards it.
class ExpiryWheel {
 public:
  static constexpr Duration kGranularity = std::chrono::milliseconds(1);

  explicit ExpiryWheel(TimePoint now) noexcept : visited_(tick_before(now)) {}

  // By operation.expires_at_. Requires an operation that is in no wheel.
  void add(Operation& operation) noexcept;
  // Requires an operation that is in this wheel.
  void remove(Operation& operation) noexcept;

  // Calls expire(operation) for each operation that is due; expire must remove it, and no other.
  // An operation becomes due up to kGranularity after its time.
  template <typename Expire>
  void expire_due(TimePoint now, Expire&& expire) noexcept;

  // When expire_due() next has something to look at; TimePoint::max() if nothing waits.
  [[nodiscard]] TimePoint next_due() const noexcept;

 private:
  static constexpr std::size_t kSlotCount = 512;
  static constexpr std::size_t kWordBits = 64;

  [[nodiscard]] static std::int64_t tick_before(TimePoint time) noexcept {
    return time.time_since_epoch() / kGranularity;
  }
  [[nodiscard]] static std::size_t slot_of(std::int64_t tick) noexcept {
    return static_cast<std::size_t>(tick) % kSlotCount;
  }

  std::array<Operation*, kSlotCount> slots_ = {};
  std::array<std::uint64_t, kSlotCount / kWordBits> present_ = {};
  std::int64_t visited_;  // The last tick whose slot has been looked at.
};

template <typename Expire>
void ExpiryWheel::expire_due(TimePoint now, Expire&& expire) noexcept {
  const std::int64_t last = tick_before(now);
  // After a long sleep one turn of the wheel sees everything.
  const std::int64_t turn = static_cast<std::int64_t>(kSlotCount);
  if (last - visited_ > turn) visited_ = last - turn;
  while (visited_ < last) {
    ++visited_;
    Operation* next = slots_[slot_of(visited_)];
    while (next != nullptr) {
      Operation& operation = *next;
      next = operation.wheel_next_;
      if (operation.expires_at_ <= now) expire(operation);  // Else it's of a later turn.
    }
  }
}

}  // namespace loadline
