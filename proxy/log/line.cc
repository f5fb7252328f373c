// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>

namespace loadline::log {
namespace {

using Buffer = fmt::memory_buffer;

// One character of `text`, or one byte of it that begins none.
struct Character {
  char32_t code = 0;
  std::size_t size = 1;
  bool is_valid = false;
};

Character invalid_byte(unsigned char byte) noexcept {
  return {.code = byte, .size = 1, .is_valid = false};
}

// Requires text to be non-empty. Refuses overlong forms, surrogates and what lies beyond Unicode,
// all of which have been used to slip past filters.
Character first_character(std::string_view text) noexcept {
  const auto byte_at = [text](std::size_t index) {
    return static_cast<unsigned char>(text[index]);
  };
  const unsigned char lead = byte_at(0);
  if (lead < 0x80) return {.code = lead, .size = 1, .is_valid = true};

  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return invalid_byte(lead);
  char32_t code = lead & (0xFFU >> (size + 1));
  for (std::size_t index = 1; index < size; ++index) {
    if ((byte_at(index) & 0xC0U) != 0x80U) return invalid_byte(lead);
    code = (code << 6U) | (byte_at(index) & 0x3FU);
  }
  const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (is_overlong || is_surrogate || code > 0x10FFFF) return invalid_byte(lead);
  return {.code = code, .size = size, .is_valid = true};
}

// Characters that end a line, move the cursor, hide, or change the direction of what follows.
bool is_deceptive(char32_t code) noexcept {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
         (code >= 0xE0000 && code <= 0xE007F);
}

void append(Buffer& out, std::string_view text) { out.append(text); }

void append_escaped(Buffer& out, const Character& character, Format format) {
  const auto code = static_cast<std::uint32_t>(character.code);
  const auto end = std::back_inserter(out);
  if (!character.is_valid) {
    // JSON has no way to write a byte, so the replacement character stands for it.
    if (format == Format::json) {
      append(out, "\\ufffd");
    } else {
      fmt::format_to(end, "\\x{:02x}", code);
    }
  } else if (code == '\n') {
    append(out, "\\n");
  } else if (code == '\r') {
    append(out, "\\r");
  } else if (code == '\t') {
    append(out, "\\t");
  } else if (code >= 0x10000) {
    const std::uint32_t offset = code - 0x10000;
    fmt::format_to(end, "\\u{:04x}\\u{:04x}", 0xD800 + (offset >> 10U), 0xDC00 + (offset & 0x3FFU));
  } else {
    fmt::format_to(end, "\\u{:04x}", code);
  }
}

// The body of a quoted string: cut, escaped, without its quotes.
void append_text(Buffer& out, std::string_view text, Format format) {
  for (std::size_t begin = 0; begin < text.size();) {
    const Character character = first_character(text.substr(begin));
    if (begin + character.size > kTextSizeMax) {
      append(out, "…");
      return;
    }
    if (!character.is_valid || is_deceptive(character.code)) {
      append_escaped(out, character, format);
    } else {
      if (character.code == U'"' || character.code == U'\\') out.push_back('\\');
      append(out, text.substr(begin, character.size));
    }
    begin += character.size;
  }
}

// Whether `text` can stand behind key= without quotes and still be told from what follows.
bool is_bare(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7F' && c != '"' && c != '=' && c != '\\';
  });
}

void append_quoted(Buffer& out, std::string_view text, Format format) {
  out.push_back('"');
  append_text(out, text, format);
  out.push_back('"');
}

struct AppendValue {
  Buffer& out;
  Format format;

  void operator()(std::string_view text) const {
    if (format == Format::text && is_bare(text)) {
      append_text(out, text, format);
    } else {
      append_quoted(out, text, format);
    }
  }
  void operator()(bool flag) const { append(out, flag ? "true" : "false"); }
  void operator()(std::int64_t number) const {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
  void operator()(std::uint64_t number) const {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      fmt::format_to(std::back_inserter(out), "{}", number);
    } else {
      append(out, "null");  // JSON has no word for it, and both formats say the same.
    }
  }
  void operator()(Duration duration) const {
    (*this)(std::chrono::duration<double>(duration).count());
  }
};

void append_time(Buffer& out, std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  fmt::format_to(std::back_inserter(out), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                 fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                 (milliseconds - seconds).count());
}

[[maybe_unused]] bool is_key(std::string_view key) noexcept {
  const bool is_ours = key == "ts" || key == "level" || key == "component" || key == "msg";
  return !key.empty() && !is_ours && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void format_text(Buffer& out, const Line& line) {
  append_time(out, line.time);
  fmt::format_to(std::back_inserter(out), " {:<5} {:<6} ", to_string(line.level),
                 to_string(line.component));
  append_text(out, line.message, Format::text);
  for (const Field& field : line.fields) {
    assert(is_key(field.key));
    fmt::format_to(std::back_inserter(out), " {}=", field.key);
    std::visit(AppendValue{out, Format::text}, field.value.get());
  }
}

void format_json(Buffer& out, const Line& line) {
  append(out, R"({"ts":")");
  append_time(out, line.time);
  fmt::format_to(std::back_inserter(out), R"(","level":"{}","component":"{}","msg":)",
                 to_string(line.level), to_string(line.component));
  append_quoted(out, line.message, Format::json);
  for (const Field& field : line.fields) {
    assert(is_key(field.key));
    fmt::format_to(std::back_inserter(out), R"(,"{}":)", field.key);
    std::visit(AppendValue{out, Format::json}, field.value.get());
  }
  out.push_back('}');
}

}  // namespace

std::string_view to_string(Component component) noexcept {
  switch (component) {
    case Component::proxy:
      return "proxy";
    case Component::config:
      return "config";
    case Component::client:
      return "client";
    case Component::pool:
      return "pool";
    case Component::gate:
      return "gate";
    case Component::admin:
      return "admin";
  }
  return "";
}

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "";
}

std::string format_line(const Line& line, Format format) {
  Buffer out;
  switch (format) {
    case Format::text:
      format_text(out, line);
      break;
    case Format::json:
      format_json(out, line);
      break;
  }
  return fmt::to_string(out);
}

}  // namespace loadline::log
