// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace loadline::loadgen {

// Values below 2^bits have a bucket each. Above, value >> shift lies in [2^(bits-1), 2^bits): each
// further shift adds that many buckets.
std::size_t Histogram::index_of(std::uint64_t value) const noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= precision_bits_) return static_cast<std::size_t>(value);
  const unsigned shift = width - precision_bits_;
  const std::uint64_t half = std::uint64_t{1} << (precision_bits_ - 1);
  return static_cast<std::size_t>(shift * half + (value >> shift));
}

std::uint64_t Histogram::last_value_of(std::size_t index) const noexcept {
  const std::uint64_t half = std::uint64_t{1} << (precision_bits_ - 1);
  if (index < 2 * half) return index;
  const std::uint64_t shift = index / half - 1;
  const std::uint64_t mantissa = index - shift * half;
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::record(Duration duration) {
  duration = std::max(duration, Duration::zero());
  const std::size_t index = index_of(static_cast<std::uint64_t>(duration.count()));
  if (index >= buckets_.size()) buckets_.resize(index + 1);
  ++buckets_[index];
  ++count_;
  sum_ += static_cast<double>(duration.count());
  max_ = std::max(max_, duration);
}

void Histogram::merge(const Histogram& other) {
  assert(precision_bits_ == other.precision_bits_);
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

Duration Histogram::mean() const noexcept {
  if (count_ == 0) return {};
  return Duration(std::llround(sum_ / static_cast<double>(count_)));
}

Duration Histogram::quantile(double fraction) const noexcept {
  if (count_ == 0) return {};
  const double exact = std::ceil(fraction * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(exact), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) {
      return std::min(max_, Duration(static_cast<Duration::rep>(last_value_of(i))));
    }
  }
  return max_;
}

}  // namespace loadline::loadgen
