// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/backend_stream.h"

#include <algorithm>
#include <cstring>

#include "proxy/wire/byte_order.h"

namespace loadline::postgres {
namespace {

constexpr std::uint32_t kLengthSize = 4;               // The length counts itself, not the tag.
constexpr std::uint32_t kMessageSizeMax = 0x7fffffff;  // Rows may be longer than 1 GB on the wire.

enum class Interest : std::uint8_t { none, event, capture };

// What the dialogue wants to hear of. Rows, notices and notifications are not among it.
Interest interest_in(char tag) noexcept {
  switch (tag) {
    case 'R':  // Authentication
    case 'K':  // BackendKeyData
    case 'S':  // ParameterStatus
    case 'Z':  // ReadyForQuery
    case 'E':  // ErrorResponse
      return Interest::capture;
    case '1':  // ParseComplete
    case '2':  // BindComplete
    case '3':  // CloseComplete
    case 'T':  // RowDescription
    case 'n':  // NoData
    case 'C':  // CommandComplete
    case 'I':  // EmptyQueryResponse
    case 's':  // PortalSuspended
    case 'G':  // CopyInResponse
    case 'W':  // CopyBothResponse
      return Interest::event;
    default:
      return Interest::none;
  }
}

}  // namespace

bool BackendStream::begin_message() noexcept {
  const std::uint32_t length = wire::load_be32(std::span(header_).subspan<1, kLengthSize>());
  if (length < kLengthSize || length > kMessageSizeMax) {
    malformed_ = true;
    return false;
  }
  body_left_ = length - kLengthSize;
  captured_size_ = 0;
  const bool capture = interest_in(std::to_integer<char>(header_[0])) == Interest::capture;
  capture_wanted_ =
      capture ? static_cast<std::uint16_t>(std::min<std::uint32_t>(body_left_, kCaptureMax)) : 0;
  return true;
}

void BackendStream::take_body(std::span<const std::byte> part) noexcept {
  if (captured_size_ < capture_wanted_) {
    const auto size =
        std::min<std::size_t>(part.size(), std::size_t{capture_wanted_} - captured_size_);
    std::memcpy(capture_.data() + captured_size_, part.data(), size);
    captured_size_ = static_cast<std::uint16_t>(captured_size_ + size);
  }
  body_left_ -= static_cast<std::uint32_t>(part.size());
}

BackendStream::Step BackendStream::next(std::span<const std::byte> input) noexcept {
  if (malformed_) return {.malformed = true};

  std::size_t used = 0;
  while (used < input.size()) {
    if (header_size_ < kHeaderSize) {
      const auto size = std::min(kHeaderSize - header_size_, input.size() - used);
      std::memcpy(header_.data() + header_size_, input.data() + used, size);
      header_size_ = static_cast<std::uint8_t>(header_size_ + size);
      used += size;
      if (header_size_ < kHeaderSize) break;
      if (!begin_message()) return {.malformed = true};
    }
    const auto part = input.subspan(used, std::min<std::size_t>(input.size() - used, body_left_));
    take_body(part);
    used += part.size();
    if (body_left_ > 0) break;

    header_size_ = 0;
    const char tag = std::to_integer<char>(header_[0]);
    if (interest_in(tag) != Interest::none) return {.size = used, .tag = tag};
  }
  return {.size = used};
}

}  // namespace loadline::postgres
