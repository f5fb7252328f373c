// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shedder/operation.h"
#include "shedder/priority.h"

namespace loadline {

// Operations that wait for a slot: one list per priority, and a bitmap of the lists that hold
// something. Pushing, removing and finding the best take constant time (12 words of bitmap at most)
// and allocate nothing: the links are the operations' own. Not thread-safe: the gate's lock guards
// it.
class WaitQueue {
 public:
  enum class Order : std::uint8_t { oldest_first, newest_first };

  // Requires an operation that is in no queue.
  void push(Operation& operation) noexcept;
  // Requires an operation that is in this queue.
  void remove(Operation& operation) noexcept;

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // The rest require a queue that isn't empty. Nothing is removed.

  // The next to serve: of the best priority present.
  [[nodiscard]] Operation& best(Order order) const noexcept;
  // The next to serve of the worst tier present.
  [[nodiscard]] Operation& best_of_worst_tier(Order order) const noexcept;
  // The first to give up for a better one: the oldest of the worst priority present.
  [[nodiscard]] Operation& worst() const noexcept;

 private:
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kWordCount = kPriorityCount / kWordBits;
  static_assert(kPriorityCount % kWordBits == 0 && kCohortCount % kWordBits == 0);

  struct List {
    Operation* oldest = nullptr;
    Operation* newest = nullptr;
  };

  // The best level present that is not better than `word_begin`'s first.
  [[nodiscard]] std::size_t best_level_from(std::size_t word_begin) const noexcept;
  [[nodiscard]] std::size_t worst_level() const noexcept;
  [[nodiscard]] Operation& next_of(std::size_t level, Order order) const noexcept;

  std::array<List, kPriorityCount> lists_ = {};
  std::array<std::uint64_t, kWordCount> present_ = {};  // Bit per list that isn't empty.
  std::size_t size_ = 0;
};

}  // namespace loadline
