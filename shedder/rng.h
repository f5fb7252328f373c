// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace loadline {

// xoshiro256** seeded through splitmix64 (Blackman, Vigna: "Scrambled linear pseudorandom number
// generators", 2021). Ours, because the standard's distributions differ between libraries and a
// simulation must repeat everywhere. Not for secrets. Not thread-safe.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
      word = mixed ^ (mixed >> 31U);
    }
  }

  [[nodiscard]] std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // In [low, high). Requires low <= high.
  [[nodiscard]] double uniform(double low, double high) noexcept {
    constexpr double kTwoToMinus53 = 0x1p-53;
    return low + (high - low) * (static_cast<double>(next() >> 11U) * kTwoToMinus53);
  }

 private:
  std::array<std::uint64_t, 4> state_ = {};
};

}  // namespace loadline
