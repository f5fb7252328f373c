// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/glob.h"

namespace loadline::session {
namespace {

[[nodiscard]] std::size_t next_character(std::string_view text, std::size_t index) noexcept {
  ++index;
  while (index < text.size() && (static_cast<unsigned char>(text[index]) & 0xc0) == 0x80) ++index;
  return index;
}

}  // namespace

// Only the last * is ever tried again: whatever an earlier one could take more of, this one can
// skip.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // Index behind the last * seen.
  std::size_t star_text = 0;                  // Where that * ends in the text, at present.
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t = next_character(text, t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      star_text = next_character(text, star_text);
      t = star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace loadline::session
