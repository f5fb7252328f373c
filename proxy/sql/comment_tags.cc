// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/comment_tags.h"

#include <algorithm>
#include <optional>

namespace loadline::sql {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";

[[nodiscard]] bool is_key_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '%';
}

void skip_spaces(std::string_view& rest) noexcept {
  const std::size_t begin = rest.find_first_not_of(kSpaces);
  rest.remove_prefix(begin == std::string_view::npos ? rest.size() : begin);
}

// Up to the closing quote, which is consumed too. Nothing if there is none.
std::optional<std::string_view> take_quoted(std::string_view& rest) noexcept {
  const char quote = rest.front();
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == quote) {
      const std::string_view value = rest.substr(1, i - 1);
      rest.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

// key:value of marginalia may hold spaces; key=value ends at one.
std::string_view take_bare(std::string_view& rest, char separator) noexcept {
  const std::size_t size =
      std::min(rest.size(), rest.find_first_of(separator == ':' ? "," : ", \t\r\n\f\v"));
  std::string_view value = rest.substr(0, size);
  rest.remove_prefix(size);
  const std::size_t last = value.find_last_not_of(kSpaces);
  return value.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::optional<CommentTag> take_tag(std::string_view& rest) noexcept {
  CommentTag tag;
  const auto key_end = std::find_if_not(rest.begin(), rest.end(), is_key_byte);
  tag.key = rest.substr(0, static_cast<std::size_t>(key_end - rest.begin()));
  rest.remove_prefix(tag.key.size());
  skip_spaces(rest);
  if (tag.key.empty() || rest.empty()) return std::nullopt;

  const char separator = rest.front();
  if (separator != '=' && separator != ':') return std::nullopt;
  rest.remove_prefix(1);
  skip_spaces(rest);
  if (!rest.empty() && (rest.front() == '\'' || rest.front() == '"')) {
    const auto value = take_quoted(rest);
    if (!value) return std::nullopt;
    tag.value = *value;
  } else {
    tag.value = take_bare(rest, separator);
  }
  return tag;
}

[[nodiscard]] int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void read_comment_tags(std::string_view comment, StatementScan& out) noexcept {
  if (!comment.empty() && comment.front() == '+') return;  // An optimiser hint.
  std::string_view rest = comment;
  while (out.tag_count < kTagsMax) {
    skip_spaces(rest);
    if (rest.empty()) return;
    if (const auto tag = take_tag(rest)) out.tags[out.tag_count++] = *tag;
    // After a tag, and after what was none, the next begins behind a comma. Tags that only spaces
    // keep apart are not a form anyone writes.
    const std::size_t comma = rest.find(',');
    if (comma == std::string_view::npos) return;
    rest.remove_prefix(comma + 1);
  }
}

std::string_view decode_tag_value(std::string_view encoded, std::span<char> buffer) noexcept {
  if (encoded.find_first_of("%\\") == std::string_view::npos) {
    return encoded.substr(0, buffer.size());
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i < encoded.size() && size < buffer.size(); ++i) {
    char c = encoded[i];
    if (c == '%' && i + 2 < encoded.size()) {
      const int high = hex_digit(encoded[i + 1]);
      const int low = hex_digit(encoded[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
    } else if (c == '\\' && i + 1 < encoded.size()) {
      c = encoded[++i];
    }
    buffer[size++] = c;
  }
  return {buffer.data(), size};
}

}  // namespace loadline::sql
