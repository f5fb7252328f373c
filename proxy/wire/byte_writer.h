// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

namespace loadline::wire {

// Appends to memory of a fixed size. What doesn't fit is cut, and overflowed() says so: a reply
// that was cut is never sent.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::byte> out) noexcept : out_(out) {}

  void put(std::byte byte) noexcept {
    if (size_ < out_.size()) {
      out_[size_++] = byte;
    } else {
      overflowed_ = true;
    }
  }
  void put(char c) noexcept { put(static_cast<std::byte>(c)); }
  void put(std::string_view text) noexcept {
    const std::size_t fits = std::min(text.size(), out_.size() - size_);
    std::memcpy(out_.data() + size_, text.data(), fits);
    size_ += fits;
    overflowed_ = overflowed_ || fits < text.size();
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  [[nodiscard]] std::span<std::byte> written() const noexcept { return out_.first(size_); }

 private:
  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

}  // namespace loadline::wire
