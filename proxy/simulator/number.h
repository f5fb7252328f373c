// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace loadline::simulator {

struct NumberRange {
  double min = 0;
  double max = 0;
};

// A decimal number within the range, and nothing after it. Neither inf nor nan.
[[nodiscard]] inline std::optional<double> parse_number(std::string_view text, NumberRange range) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  if (!(value >= range.min && value <= range.max)) return std::nullopt;
  return value;
}

}  // namespace loadline::simulator
