// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

// Integers in a file that is read on any host: the first byte is the lowest.
namespace loadline::recording {

// Requires that `at` and the value's size lie within `bytes`.
template <std::unsigned_integral Value>
[[nodiscard]] constexpr Value load(std::span<const std::byte> bytes, std::size_t at) noexcept {
  Value value = 0;
  for (std::size_t i = sizeof(Value); i-- > 0;) {
    value = static_cast<Value>((std::size_t{value} << 8U) |
                               std::to_integer<std::size_t>(bytes[at + i]));
  }
  return value;
}

template <std::unsigned_integral Value>
constexpr void store(std::span<std::byte> bytes, std::size_t at, Value value) noexcept {
  for (std::size_t i = 0; i < sizeof(Value); ++i) {
    bytes[at + i] = static_cast<std::byte>(std::size_t{value} >> (8 * i));
  }
}

}  // namespace loadline::recording
