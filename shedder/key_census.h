// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shedder/clock.h"

namespace loadline {

// How many different keys were seen in the last two seconds or so, about: linear counting (Whang,
// Vander-Zanden and Taylor, TODS 1990) on a map of 4096 bits for the present second and one for the
// second before. Within 3 % for up to 10,000 keys; full at some 30,000, and says so many then.
//
// see() is for any thread, without a lock: it writes a key's bit once a second. The rest is for one
// thread.
class KeyCensus {
 public:
  void see(std::uint64_t key_hash) noexcept;

  // The count; a second that is over makes room for the next.
  [[nodiscard]] double update(TimePoint now) noexcept;

 private:
  static constexpr std::size_t kBits = 4096;
  static constexpr std::size_t kWordBits = 64;
  using Map = std::array<std::atomic<std::uint64_t>, kBits / kWordBits>;

  std::array<Map, 2> maps_ = {};
  std::atomic<std::uint32_t> present_ = 0;
  TimePoint turned_at_ = {};
};

}  // namespace loadline
