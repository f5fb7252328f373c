// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shedder/clock.h"

namespace loadline::loadgen {

// Durations in log-linear buckets, as HdrHistogram has them: every power of two is cut into
// 2^(precision_bits - 1) equal parts, so the relative error is below 2^(1 - precision_bits) at any
// size. Grows only as far as the longest duration asks. Merging loses nothing.
class Histogram {
 public:
  // 8 bits: less than 0.8% of error.
  explicit Histogram(unsigned precision_bits = 8) noexcept : precision_bits_(precision_bits) {}

  // Negative durations count as zero.
  void record(Duration duration);
  // Requires the same precision.
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] Duration max() const noexcept { return max_; }
  [[nodiscard]] Duration mean() const noexcept;
  // The least recorded duration that at least `fraction` (0 to 1) of all don't exceed, to the
  // precision and rounded up, never above max(). Zero if nothing was recorded.
  [[nodiscard]] Duration quantile(double fraction) const noexcept;

 private:
  [[nodiscard]] std::size_t index_of(std::uint64_t value) const noexcept;
  [[nodiscard]] std::uint64_t last_value_of(std::size_t index) const noexcept;

  unsigned precision_bits_;
  std::vector<std::uint64_t> buckets_ = {};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  Duration max_ = {};
};

}  // namespace loadline::loadgen
