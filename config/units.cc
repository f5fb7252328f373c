// SPDX-License-Identifier: Apache-2.0
#include "config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace loadline::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor = 1;
};

constexpr std::array kDurationUnits = {
    Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},        Unit{"us", 1'000},         Unit{"ns", 1},
};

constexpr std::array kByteUnits = {
    Unit{"GiB", std::uint64_t{1} << 30},
    Unit{"MiB", std::uint64_t{1} << 20},
    Unit{"KiB", std::uint64_t{1} << 10},
    Unit{"B", 1},
};

constexpr std::array<std::string_view, kTierCount> kTierNames = {"t0", "t1", "t2",
                                                                 "t3", "t4", "t5"};

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                             std::uint64_t value_max) noexcept {
  const std::size_t unit_begin = std::min(text.size(), text.find_first_not_of("0123456789"));
  const auto number = parse_count(text.substr(0, unit_begin));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != text.substr(unit_begin)) continue;
    if (*number > value_max / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  constexpr std::uint64_t kLongest = std::numeric_limits<Duration::rep>::max();
  const auto count = parse_with_unit(text, kDurationUnits, kLongest);
  if (!count) return std::nullopt;
  return Duration(static_cast<Duration::rep>(*count));
}

std::string to_text(Duration duration) {
  for (const Unit& unit : kDurationUnits) {
    const auto factor = static_cast<Duration::rep>(unit.factor);
    if (duration != Duration::zero() && duration.count() % factor == 0) {
      return fmt::format("{}{}", duration.count() / factor, unit.name);
    }
  }
  return "0s";
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept {
  return parse_with_unit(text, kByteUnits, std::numeric_limits<std::uint64_t>::max());
}

std::optional<double> parse_decimal(std::string_view text) noexcept {
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto whole = parse_count(text.substr(0, point));
  if (!whole) return std::nullopt;
  if (point == text.size()) return static_cast<double>(*whole);
  const std::string_view digits = text.substr(point + 1);
  constexpr std::size_t kDigitsMax = 9;
  const auto fraction = parse_count(digits);
  if (!fraction || digits.size() > kDigitsMax) return std::nullopt;
  return static_cast<double>(*whole) +
         static_cast<double>(*fraction) / std::pow(10.0, static_cast<double>(digits.size()));
}

std::optional<double> parse_share(std::string_view text) noexcept {
  if (!text.ends_with('%')) return std::nullopt;
  const auto percent = parse_decimal(text.substr(0, text.size() - 1));
  if (!percent || *percent < 1 || *percent > 100) return std::nullopt;
  return *percent / 100;
}

std::optional<ScorecardCap> parse_cap(std::string_view text) noexcept {
  constexpr double kValueMax = 1e6;
  if (text.ends_with('%')) {
    const auto share = parse_share(text);
    if (!share) return std::nullopt;
    return ScorecardCap{ScorecardCap::Unit::limit_share, *share};
  }
  if (text.ends_with('x')) {
    const auto times = parse_decimal(text.substr(0, text.size() - 1));
    if (!times || *times <= 0 || *times > kValueMax) return std::nullopt;
    return ScorecardCap{ScorecardCap::Unit::fair_share, *times};
  }
  const auto count = parse_count(text);
  if (!count || *count == 0 || static_cast<double>(*count) > kValueMax) return std::nullopt;
  return ScorecardCap{ScorecardCap::Unit::operations, static_cast<double>(*count)};
}

std::optional<Tier> parse_tier(std::string_view text) noexcept {
  const auto* const found = std::find(kTierNames.begin(), kTierNames.end(), text);
  if (found == kTierNames.end()) return std::nullopt;
  return static_cast<Tier>(found - kTierNames.begin());
}

std::string_view to_text(Tier tier) noexcept { return kTierNames[static_cast<std::size_t>(tier)]; }

}  // namespace loadline::config
