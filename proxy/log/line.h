// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "config/config.h"

namespace loadline::log {

using Level = config::LogLevel;
using Format = config::LogFormat;

// Which part speaks. The names are what `component` says in a line.
enum class Component : std::uint8_t {
  proxy,   // Start, stop, drain, the OS.
  config,  // Reading and reloading the file.
  client,  // Connections from applications.
  pool,    // Connections to databases.
  gate,    // Limits and sheds.
  admin,   // The admin server.
};
inline constexpr std::size_t kComponentCount = 6;

[[nodiscard]] std::string_view to_string(Component component) noexcept;
[[nodiscard]] std::string_view to_string(Level level) noexcept;

// What a field holds. Borrows text: a field lives no longer than the call that logs it.
class Value {
 public:
  using Variant =
      std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool, Duration>;

  // Implicit, so that a call reads {{"client", address}, {"count", 3}}.
  // NOLINTBEGIN(google-explicit-constructor)
  template <typename Text,
            std::enable_if_t<std::is_convertible_v<const Text&, std::string_view>, int> = 0>
  Value(const Text& text) noexcept : value_(std::in_place_type<std::string_view>, text) {}
  template <std::signed_integral Number>
  Value(Number number) noexcept : value_(std::int64_t{number}) {}
  template <std::unsigned_integral Number>
  Value(Number number) noexcept : value_(std::uint64_t{number}) {}
  Value(bool flag) noexcept : value_(flag) {}
  Value(double number) noexcept : value_(number) {}
  Value(Duration duration) noexcept : value_(duration) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const Variant& get() const noexcept { return value_; }

 private:
  Variant value_;
};

// `key` is static text of ours: snake_case, and none of ts, level, component, msg. A Duration is
// written in seconds.
struct Field {
  std::string_view key;
  Value value;
};

// The longest text value and message of a line, in bytes; what is longer is cut and ends in "…". A
// line is thereby bounded, whatever the network sends.
inline constexpr std::size_t kTextSizeMax = 256;

struct Line {
  std::chrono::system_clock::time_point time = {};
  Level level = Level::info;
  Component component = Component::proxy;
  std::string_view message = {};
  std::span<const Field> fields = {};
};

// One line without its newline. Pure.
//
// Text may come from the network, so whatever it holds, the result is one line, is valid UTF-8, and
// reads back as the fields that were given: control characters, newlines, quotes, backslashes,
// bytes that are not UTF-8 and characters that reorder or split text on a terminal are escaped.
//
// text: 2026-11-21T10:00:00.123Z info  proxy  message key=value key="a value"
// json:
// {"ts":"2026-11-21T10:00:00.123Z","level":"info","component":"proxy","msg":"…","key":"value"}
[[nodiscard]] std::string format_line(const Line& line, Format format);

}  // namespace loadline::log
