// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace loadline {

// How important an operation is: t0 is the most important and the last to be shed.
enum class Tier : std::uint8_t { t0, t1, t2, t3, t4, t5 };

inline constexpr std::size_t kTierCount = 6;
inline constexpr std::size_t kCohortCount = 128;
inline constexpr std::size_t kPriorityCount = kTierCount * kCohortCount;

// Tier and cohort in one number, 0..767, lower is better. A cohort is a stable slice of a tier's
// traffic, so that shedding part of a tier hits the same parties until the cohorts rotate instead
// of every party's every nth operation.
class Priority {
 public:
  constexpr Priority() noexcept = default;
  // Requires cohort < kCohortCount.
  constexpr Priority(Tier tier, std::uint32_t cohort) noexcept
      : level_(
            static_cast<std::uint16_t>(static_cast<std::uint32_t>(tier) * kCohortCount + cohort)) {}

  [[nodiscard]] constexpr std::uint16_t level() const noexcept { return level_; }
  [[nodiscard]] constexpr Tier tier() const noexcept {
    return static_cast<Tier>(level_ / kCohortCount);
  }
  [[nodiscard]] constexpr std::uint32_t cohort() const noexcept { return level_ % kCohortCount; }

  // clang-tidy 14 sees a null pointer in it. NOLINTNEXTLINE(modernize-use-nullptr)
  friend constexpr auto operator<=>(Priority, Priority) noexcept = default;

 private:
  std::uint16_t level_ = 3 * kCohortCount;  // t3: what an unclassified operation is.
};

// Where an operation stands among all that a cut may be made through, lower is better: like
// Priority's level, but a tenant's excess stands a tier lower than its tier (never t0's), which
// takes one tier more. See TenantShares.
using Place = std::uint16_t;
inline constexpr std::size_t kPlaceCount = kPriorityCount + kCohortCount;
[[nodiscard]] constexpr bool is_t0(Place place) noexcept { return place < kCohortCount; }

}  // namespace loadline
