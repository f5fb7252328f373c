// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

#include "shedder/clock.h"

namespace loadline::log {

// A token bucket in one atomic: it keeps the time at which the bucket will be full again instead of
// a fill level, so taking a token is one compare-and-swap and needs no timer. Thread-safe; reads no
// clock.
class RateLimit {
 public:
  struct Options {
    Duration interval = std::chrono::seconds(1);  // One token comes back per interval.
    std::uint32_t burst = 5;                      // Tokens in a full bucket. At least 1.
  };

  // Starts full.
  explicit RateLimit(const Options& options) noexcept;

  // A token is taken: how many calls went without one since the last that got one. None left:
  // nullopt, and the call is counted. Under contention a count may go to a neighbouring line; none
  // is lost.
  [[nodiscard]] std::optional<std::uint64_t> try_take(TimePoint now) noexcept;

 private:
  Duration interval_;
  Duration debt_max_;  // How far full_at_ may lie ahead of now before a call.
  std::atomic<Duration::rep> full_at_{std::numeric_limits<Duration::rep>::min()};
  std::atomic<std::uint64_t> swallowed_{0};
};

}  // namespace loadline::log
