// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace loadline {

// How many are active and how many wait, in one word: whoever gives a slot back sees in the same
// instruction whether anybody waits for it, and whoever begins to wait sees whether one is free. So
// no wake-up can fall between the two, and the limit is never overshot.
//
// `active` is changed by everybody, `waiting` under the gate's lock only. It counts those that
// could use a slot, not those that wait for something else as well.
class SlotCounter {
 public:
  struct Counts {
    std::uint32_t active = 0;
    std::uint32_t waiting = 0;
  };

  [[nodiscard]] Counts read() const noexcept {
    return unpack(word_.load(std::memory_order_acquire));
  }

  // Takes a slot if fewer than `slots` are taken and nobody waits. `counts`: as they are
  // afterwards, or as they were if it fails.
  [[nodiscard]] bool take_if_calm(std::uint32_t slots, Counts& counts) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      counts = unpack(word);
      if (counts.waiting != 0 || counts.active >= slots) return false;
    } while (!word_.compare_exchange_weak(word, word + kOneActive, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    ++counts.active;
    return true;
  }
  // Begins to wait, unless a slot is free and nobody waits. Under the lock.
  [[nodiscard]] bool wait_unless_calm(std::uint32_t slots, Counts& counts) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      counts = unpack(word);
      if (counts.waiting == 0 && counts.active < slots) return false;
    } while (!word_.compare_exchange_weak(word, word + kOneWaiting, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    ++counts.waiting;
    return true;
  }
  // One of those waiting takes a slot if fewer than `slots` are taken. Under the lock.
  [[nodiscard]] bool waiting_to_active(std::uint32_t slots, Counts& counts) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
      counts = unpack(word);
      if (counts.active >= slots) return false;
    } while (!word_.compare_exchange_weak(word, word + kOneActive - kOneWaiting,
                                          std::memory_order_acq_rel, std::memory_order_relaxed));
    ++counts.active;
    --counts.waiting;
    return true;
  }
  // Modulo 2^32: may be negative. Under the lock.
  void add_waiting(std::uint32_t added) noexcept {
    word_.fetch_add(std::uint64_t{added} << kWaitingShift, std::memory_order_acq_rel);
  }
  Counts take_regardless() noexcept {
    Counts counts = unpack(word_.fetch_add(kOneActive, std::memory_order_acq_rel));
    ++counts.active;
    return counts;
  }
  // The counts before.
  Counts give_back() noexcept {
    return unpack(word_.fetch_sub(kOneActive, std::memory_order_acq_rel));
  }

 private:
  static constexpr unsigned kWaitingShift = 32;
  static constexpr std::uint64_t kOneActive = 1;
  static constexpr std::uint64_t kOneWaiting = std::uint64_t{1} << kWaitingShift;

  static constexpr Counts unpack(std::uint64_t word) noexcept {
    return {.active = static_cast<std::uint32_t>(word),
            .waiting = static_cast<std::uint32_t>(word >> kWaitingShift)};
  }

  std::atomic<std::uint64_t> word_ = 0;
};

}  // namespace loadline
