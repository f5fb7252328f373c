// SPDX-License-Identifier: Apache-2.0
#include "shedder/key_census.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace loadline {
namespace {

constexpr Duration kTurn = std::chrono::seconds(1);

}  // namespace

void KeyCensus::see(std::uint64_t key_hash) noexcept {
  const std::size_t bit = key_hash % kBits;
  std::atomic<std::uint64_t>& word =
      maps_[present_.load(std::memory_order_relaxed)][bit / kWordBits];
  const std::uint64_t mask = std::uint64_t{1} << (bit % kWordBits);
  // Mostly it is set already, and reading shares the line with others.
  if ((word.load(std::memory_order_relaxed) & mask) == 0) {
    word.fetch_or(mask, std::memory_order_relaxed);
  }
}

double KeyCensus::update(TimePoint now) noexcept {
  if (elapsed_since(turned_at_, now) >= kTurn) {
    turned_at_ = now;
    const std::uint32_t next = 1 - present_.load(std::memory_order_relaxed);
    for (auto& word : maps_[next]) word.store(0, std::memory_order_relaxed);
    present_.store(next, std::memory_order_relaxed);
  }
  int seen = 0;
  for (std::size_t i = 0; i < kBits / kWordBits; ++i) {
    seen += std::popcount(maps_[0][i].load(std::memory_order_relaxed) |
                          maps_[1][i].load(std::memory_order_relaxed));
  }
  constexpr double kSize = kBits;
  const double unseen = std::max(1.0, kSize - seen);
  return kSize * std::log(kSize / unseen);
}

}  // namespace loadline
