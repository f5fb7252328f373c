// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace loadline::simulator {

// First in, first out, in one block of memory that only grows.
template <typename What>
class Ring {
 public:
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  // front() and back() require that it isn't empty.
  [[nodiscard]] const What& front() const { return slots_[first_]; }
  [[nodiscard]] What& front() { return slots_[first_]; }
  [[nodiscard]] What& back() { return slots_[(first_ + count_ - 1) & (slots_.size() - 1)]; }

  void push_back(const What& what) {
    if (count_ == slots_.size()) grow();
    ++count_;
    back() = what;
  }
  void pop_front() {
    first_ = (first_ + 1) & (slots_.size() - 1);
    --count_;
  }
  void pop_back() { --count_; }
  void clear() { count_ = 0; }

 private:
  void grow() {
    std::vector<What> larger(slots_.empty() ? 16 : slots_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) larger[i] = slots_[(first_ + i) & (slots_.size() - 1)];
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<What> slots_;  // A power of two of them.
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace loadline::simulator
