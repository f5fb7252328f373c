// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "shedder/gate_snapshot.h"
#include "shedder/limit_law.h"

namespace loadline {

// The limit that the operator chose. What a database whose capacity is known and constant needs,
// and what the adaptive laws are compared with.
class FixedLimit {
 public:
  explicit FixedLimit(std::uint32_t limit) noexcept : limit_(limit) {}

  LimitStep on_tick(const LoadTotals& /*totals*/, Duration /*service*/, TimePoint now) noexcept {
    return {.slots = limit_, .phase = {}, .due = now + std::chrono::hours(1)};
  }
  void set_bounds(const LimitBounds& /*bounds*/) noexcept {}
  [[nodiscard]] LimitSnapshot snapshot() const noexcept {
    return {.limit = static_cast<double>(limit_), .elasticity = 0, .reason = "fixed", .updates = 0};
  }

 private:
  std::uint32_t limit_;
};

}  // namespace loadline
