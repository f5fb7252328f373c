// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstdint>

namespace loadline::loadgen {

// SplitMix64 (Steele, Lea, Flood 2014): small, quick, and the same numbers on every platform, so
// that a seed repeats a run's arrivals. Not for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  // At least 0, less than 1.
  double unit() noexcept { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

  // From `first` to `last`, both included. The bias of a plain remainder is below 2^-32 for any
  // range that fits a table.
  std::int64_t between(std::int64_t first, std::int64_t last) noexcept {
    assert(first <= last);
    const auto width = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first) + 1;
    const std::uint64_t offset = width == 0 ? next() : next() % width;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + offset);
  }

 private:
  std::uint64_t state_;
};

}  // namespace loadline::loadgen
