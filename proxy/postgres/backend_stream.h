// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace loadline::postgres {

// Follows the server's side of a conversation while its bytes stream past: any cut, no copy but the
// first bytes of the few messages that somebody must read. A row of 1 GB costs nothing.
class BackendStream {
 public:
  // What one call went past: `size` bytes, of which the last one ends a message that the caller
  // wants to know of, unless `tag` is 0: then the input is used up.
  struct Step {
    std::size_t size = 0;
    char tag = 0;
    bool malformed = false;  // The length is impossible. Sticky.
  };

  // The longest body that captured() holds whole: a backend key of protocol 3.2.
  static constexpr std::size_t kCaptureMax = 4 + 256;

  [[nodiscard]] Step next(std::span<const std::byte> input) noexcept;

  // Body of the message that the last step ended, or its beginning.
  [[nodiscard]] std::span<const std::byte> captured() const noexcept {
    return std::span(capture_).first(captured_size_);
  }
  [[nodiscard]] bool mid_message() const noexcept { return header_size_ != 0; }

 private:
  static constexpr std::size_t kHeaderSize = 5;

  [[nodiscard]] bool begin_message() noexcept;
  void take_body(std::span<const std::byte> part) noexcept;

  std::array<std::byte, kHeaderSize> header_ = {};
  std::uint8_t header_size_ = 0;  // Bytes of the header seen. 0: between two messages.
  bool malformed_ = false;
  std::uint16_t captured_size_ = 0;
  std::uint16_t capture_wanted_ = 0;
  std::uint32_t body_left_ = 0;
  std::array<std::byte, kCaptureMax> capture_ = {};
};

}  // namespace loadline::postgres
