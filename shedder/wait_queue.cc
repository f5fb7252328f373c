// SPDX-License-Identifier: Apache-2.0
#include "shedder/wait_queue.h"

#include <bit>
#include <cassert>

namespace loadline {

void WaitQueue::push(Operation& operation) noexcept {
  const std::size_t level = operation.profile_.priority.level();
  List& list = lists_[level];
  operation.queue_prev_ = list.newest;
  operation.queue_next_ = nullptr;
  if (list.newest != nullptr) {
    list.newest->queue_next_ = &operation;
  } else {
    list.oldest = &operation;
    present_[level / kWordBits] |= std::uint64_t{1} << (level % kWordBits);
  }
  list.newest = &operation;
  ++size_;
}

void WaitQueue::remove(Operation& operation) noexcept {
  assert(size_ > 0);
  const std::size_t level = operation.profile_.priority.level();
  List& list = lists_[level];
  if (operation.queue_prev_ != nullptr) {
    operation.queue_prev_->queue_next_ = operation.queue_next_;
  } else {
    list.oldest = operation.queue_next_;
  }
  if (operation.queue_next_ != nullptr) {
    operation.queue_next_->queue_prev_ = operation.queue_prev_;
  } else {
    list.newest = operation.queue_prev_;
  }
  operation.queue_prev_ = nullptr;
  operation.queue_next_ = nullptr;
  if (list.oldest == nullptr) {
    present_[level / kWordBits] &= ~(std::uint64_t{1} << (level % kWordBits));
  }
  --size_;
}

Operation& WaitQueue::best(Order order) const noexcept {
  return next_of(best_level_from(0), order);
}

Operation& WaitQueue::best_of_worst_tier(Order order) const noexcept {
  const std::size_t tier = worst_level() / kCohortCount;
  return next_of(best_level_from(tier * kCohortCount / kWordBits), order);
}

Operation& WaitQueue::worst() const noexcept { return next_of(worst_level(), Order::oldest_first); }

std::size_t WaitQueue::best_level_from(std::size_t word_begin) const noexcept {
  assert(size_ > 0);
  std::size_t word = word_begin;
  while (present_[word] == 0) ++word;
  return word * kWordBits + static_cast<std::size_t>(std::countr_zero(present_[word]));
}

std::size_t WaitQueue::worst_level() const noexcept {
  assert(size_ > 0);
  std::size_t word = kWordCount - 1;
  while (present_[word] == 0) --word;
  return word * kWordBits + (kWordBits - 1) -
         static_cast<std::size_t>(std::countl_zero(present_[word]));
}

Operation& WaitQueue::next_of(std::size_t level, Order order) const noexcept {
  const List& list = lists_[level];
  return order == Order::oldest_first ? *list.oldest : *list.newest;
}

}  // namespace loadline
