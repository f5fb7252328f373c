// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace loadline::session {

// A tenant's name, held in place. Comes from clients and goes to logs, labels and error messages,
// so it is made fit for them: cut to 63 bytes between two characters; control characters and what
// is not UTF-8 become '?'.
class TenantName {
 public:
  static constexpr std::size_t kSizeMax = 63;  // What Postgres allows for names, and 64 in all.

  TenantName() noexcept = default;
  explicit TenantName(std::string_view name) noexcept;

  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  friend bool operator==(const TenantName& a, const TenantName& b) noexcept {
    return a.view() == b.view();
  }

 private:
  std::array<char, kSizeMax> bytes_ = {};
  std::uint8_t size_ = 0;
};

}  // namespace loadline::session
