// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/loadgen/random.h"

namespace loadline::loadgen {

// An integer formula of a script: numbers, `:variables`, + - * / %, parentheses and
// `random(first, last)`, both ends included. Compiled once, to postfix, and evaluated per run.
class Expression {
 public:
  // Finds the place of a variable among those given to evaluate(). Nothing: it is not set yet.
  using FindVariable = std::function<std::optional<std::uint32_t>(std::string_view name)>;

  // The error says what was found instead.
  [[nodiscard]] static tl::expected<Expression, std::string> parse(std::string_view text,
                                                                   const FindVariable& find);

  // Overflow wraps. A division by zero gives zero and an empty range its first number: a run under
  // load has nobody to complain to.
  [[nodiscard]] std::int64_t evaluate(std::span<const std::int64_t> variables,
                                      Random& random) const;

 private:
  friend class ExpressionParser;
  enum class Kind : std::uint8_t {
    number,
    variable,
    add,
    subtract,
    multiply,
    divide,
    remain,
    draw
  };
  struct Term {
    Kind kind = Kind::number;
    std::int64_t value = 0;  // The number, or the variable's place.
  };
  static constexpr std::size_t kTermsMax = 64;

  std::vector<Term> terms_ = {};
};

}  // namespace loadline::loadgen
