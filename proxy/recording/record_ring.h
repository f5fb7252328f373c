// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "proxy/recording/operation_record.h"

namespace loadline::recording {

// Records on their way from one thread, which must never wait, to another one. Bounded: what finds
// no room is not taken. One producer and one consumer; no lock, and nothing is allocated after the
// construction.
class RecordRing {
 public:
  // A power of two.
  explicit RecordRing(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<OperationRecord[]>(capacity)) {}

  // The producer's. False: it is full.
  [[nodiscard]] bool push(const OperationRecord& record) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    // The consumer's position is asked for only when the last one known says that it is full.
    if (head - known_tail_ > mask_) {
      known_tail_ = tail_.load(std::memory_order_acquire);
      if (head - known_tail_ > mask_) return false;
    }
    slots_[head & mask_] = record;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // The consumer's: gives `take` what is there, oldest first.
  template <typename Take>
  void drain(Take take) {
    const std::size_t head = head_.load(std::memory_order_acquire);
    std::size_t tail = tail_.load(std::memory_order_relaxed);
    while (tail != head) {
      take(slots_[tail & mask_]);
      tail_.store(++tail, std::memory_order_release);
    }
  }

 private:
  const std::size_t mask_;
  const std::unique_ptr<OperationRecord[]> slots_;
  alignas(64) std::atomic<std::size_t> head_ = 0;  // Both only grow.
  std::size_t known_tail_ = 0;                     // The producer's.
  alignas(64) std::atomic<std::size_t> tail_ = 0;
};

}  // namespace loadline::recording
