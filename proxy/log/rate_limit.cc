// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/rate_limit.h"

#include <algorithm>
#include <cassert>

namespace loadline::log {

RateLimit::RateLimit(const Options& options) noexcept
    : interval_(options.interval), debt_max_(options.interval * (options.burst - 1)) {
  assert(options.burst >= 1 && options.interval > Duration::zero());
}

std::optional<std::uint64_t> RateLimit::try_take(TimePoint now) noexcept {
  const Duration::rep now_ticks = now.time_since_epoch().count();
  Duration::rep full_at = full_at_.load(std::memory_order_relaxed);
  Duration::rep next = 0;
  do {
    // A bucket that has been full for a while holds no more than a full one.
    const Duration::rep since = std::max(full_at, now_ticks);
    if (since - now_ticks > debt_max_.count()) {
      swallowed_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    next = since + interval_.count();
  } while (!full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
  return swallowed_.exchange(0, std::memory_order_relaxed);
}

}  // namespace loadline::log
