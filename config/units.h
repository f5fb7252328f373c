// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shedder/clock.h"
#include "shedder/priority.h"
#include "shedder/scorecard.h"

// Numbers with units, as people write them in the configuration and in SQL comments.
namespace loadline::config {

// An integer and one of ns us ms s m h, nothing between: "250ms". Nothing else is a duration, least
// of all a bare number.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;
// In the largest unit that leaves an integer: "90s", "2m".
[[nodiscard]] std::string to_text(Duration duration);

// An integer and one of B KiB MiB GiB: "64MiB".
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;

// Digits only, no sign.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;

// Digits, perhaps with a point and more digits; no sign, no exponent.
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text) noexcept;
// "1%" to "100%": 0.01 to 1.
[[nodiscard]] std::optional<double> parse_share(std::string_view text) noexcept;
// "20" operations, "50%" of the limit, or "2x" a fair share.
[[nodiscard]] std::optional<ScorecardCap> parse_cap(std::string_view text) noexcept;
// A finite decimal number, with a sign and an exponent if wanted: "-1.5", "2e9".
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

// "t0" to "t5".
[[nodiscard]] std::optional<Tier> parse_tier(std::string_view text) noexcept;
[[nodiscard]] std::string_view to_text(Tier tier) noexcept;

}  // namespace loadline::config
