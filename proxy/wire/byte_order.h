// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace loadline::wire {

[[nodiscard]] constexpr std::uint32_t load_be32(std::span<const std::byte, 4> bytes) noexcept {
  return std::to_integer<std::uint32_t>(bytes[0]) << 24U |
         std::to_integer<std::uint32_t>(bytes[1]) << 16U |
         std::to_integer<std::uint32_t>(bytes[2]) << 8U | std::to_integer<std::uint32_t>(bytes[3]);
}

constexpr void store_be32(std::uint32_t value, std::span<std::byte, 4> out) noexcept {
  out[0] = static_cast<std::byte>(value >> 24U);
  out[1] = static_cast<std::byte>(value >> 16U);
  out[2] = static_cast<std::byte>(value >> 8U);
  out[3] = static_cast<std::byte>(value);
}

}  // namespace loadline::wire
