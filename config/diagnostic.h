// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace loadline::config {

// A place in a file, both counted from 1. Line 0: no place in particular.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;

  bool operator==(const Position&) const = default;
};

// One problem: what is wrong; what was expected.
struct Diagnostic {
  std::string file;
  Position position = {};
  std::string message;

  bool operator==(const Diagnostic&) const = default;
};
using Diagnostics = std::vector<Diagnostic>;

// "file:line:column: message", as compilers write it, so that editors can jump there.
[[nodiscard]] std::string to_text(const Diagnostic& diagnostic);

// Where each key of the file stands, by its path: "upstreams.main.gate.limit",
// "listeners[0].listen".
using Positions = std::map<std::string, Position, std::less<>>;

// The one of `known` that `name` was probably meant to be: the nearest by edit distance, if that is
// near at all. Empty otherwise.
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            std::span<const std::string_view> known);

// "expected 'listen'" if there is a nearest name, else "expected one of name, listen, …".
[[nodiscard]] std::string expectation(std::string_view name,
                                      std::span<const std::string_view> known);

}  // namespace loadline::config
