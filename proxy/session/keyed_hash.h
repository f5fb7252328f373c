// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace loadline::session {

// SipHash-1-3 (Aumasson and Bernstein, 2012), its 128-bit key made of `key` twice: a hash that
// nobody without the key can steer. The same on every host.
[[nodiscard]] std::uint64_t keyed_hash(std::string_view text, std::uint64_t key) noexcept;

}  // namespace loadline::session
