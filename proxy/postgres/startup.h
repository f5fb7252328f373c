// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace loadline::postgres {

// The packets without a tag that a client may begin with: length, code, body.
struct Startup {
  enum class Kind : std::uint8_t {
    need_more,
    ssl_request,
    gssenc_request,
    cancel_request,
    session,      // A start-up packet proper, protocol 3.x.
    nobody,       // ... that doesn't name a user.
    unsupported,  // A protocol version other than 3.
    malformed,
  };

  Kind kind = Kind::need_more;
  std::size_t size = 0;  // Of the whole packet.
  std::span<const std::byte> cancel_key = {};
  std::uint32_t version = 0;  // As on the wire: major << 16 | minor.
  std::string_view user = {};
  std::string_view database = {};  // The user's name if the packet has none, as the server does.
  std::string_view application = {};
  bool replication = false;
};

inline constexpr std::uint32_t kCancelRequestCode = 80877102;
inline constexpr std::uint32_t kSslRequestCode = 80877103;
inline constexpr std::uint32_t kGssencRequestCode = 80877104;
// The server's own bound (MAX_STARTUP_PACKET_LENGTH).
inline constexpr std::uint32_t kStartupSizeMax = 10'000;
// Process id and secret. Protocol 3.2 allows secrets of up to 256 bytes.
inline constexpr std::size_t kCancelKeySizeMin = 8;
inline constexpr std::size_t kCancelKeySizeMax = 4 + 256;

[[nodiscard]] Startup parse_startup(std::span<const std::byte> input) noexcept;

}  // namespace loadline::postgres
