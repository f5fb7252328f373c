// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "shedder/clock.h"

namespace loadline::simulator {

// What is to happen, earliest first; of one moment, in the order in which it was planned. A binary
// heap that keeps its memory: nothing is allocated once it has been as large as it gets.
template <typename What>
class TimeHeap {
 public:
  void push(TimePoint at, const What& what) {
    entries_.push_back({at, pushed_++, what});
    std::push_heap(entries_.begin(), entries_.end(), is_later);
  }
  // Requires that it isn't empty.
  What pop() {
    std::pop_heap(entries_.begin(), entries_.end(), is_later);
    const What what = entries_.back().what;
    entries_.pop_back();
    return what;
  }
  [[nodiscard]] const What& top() const { return entries_.front().what; }
  [[nodiscard]] TimePoint next_at() const {
    return entries_.empty() ? TimePoint::max() : entries_.front().at;
  }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    TimePoint at;
    std::uint64_t order;
    What what;
  };
  static bool is_later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  std::vector<Entry> entries_;
  std::uint64_t pushed_ = 0;
};

}  // namespace loadline::simulator
