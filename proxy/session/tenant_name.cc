// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/tenant_name.h"

#include <algorithm>

namespace loadline::session {
namespace {

// Size of the well-formed UTF-8 character at the start of `text`, 0 if there is none. Overlong
// forms, surrogates and what lies beyond U+10FFFF are not well-formed.
[[nodiscard]] std::size_t character_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool is_overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool is_out_of_range = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return is_overlong || is_out_of_range ? 0 : size;
}

[[nodiscard]] bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

TenantName::TenantName(std::string_view name) noexcept {
  while (!name.empty()) {
    const std::size_t size = character_size(name);
    const bool is_fit = size > 1 || (size == 1 && !is_control(name.front()));
    const std::string_view character = is_fit ? name.substr(0, size) : "?";
    if (size_ + character.size() > kSizeMax) return;
    std::copy(character.begin(), character.end(), bytes_.begin() + size_);
    size_ = static_cast<std::uint8_t>(size_ + character.size());
    name.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

}  // namespace loadline::session
