// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/expression.h"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <limits>
#include <utility>

namespace loadline::loadgen {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

}  // namespace

// Recursive descent: sum = product (+|- product)*, product = factor (*|/|% factor)*.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, const Expression::FindVariable& find)
      : rest_(text), find_(find) {}

  tl::expected<Expression, std::string> parse() {
    sum();
    skip_blanks();
    if (error_.empty() && !rest_.empty()) fail("an operator");
    if (error_.empty() && expression_.terms_.size() > Expression::kTermsMax) {
      error_ = fmt::format("the formula has more than {} terms", Expression::kTermsMax);
    }
    if (!error_.empty()) return tl::unexpected(error_);
    return expression_;
  }

 private:
  using Kind = Expression::Kind;

  void sum() {
    product();
    while (error_.empty()) {
      if (take('+')) {
        product();
        push(Kind::add);
      } else if (take('-')) {
        product();
        push(Kind::subtract);
      } else {
        return;
      }
    }
  }

  void product() {
    factor();
    while (error_.empty()) {
      const Kind kind = take('*')   ? Kind::multiply
                        : take('/') ? Kind::divide
                        : take('%') ? Kind::remain
                                    : Kind::number;
      if (kind == Kind::number) return;
      factor();
      push(kind);
    }
  }

  void factor() {
    if (++depth_ > Expression::kTermsMax) error_ = "the formula is nested too deeply";
    if (!error_.empty()) return;
    skip_blanks();
    if (take('(')) {
      sum();
      expect(')');
    } else if (take('-')) {
      push(Kind::number, 0);
      factor();
      push(Kind::subtract);
    } else if (take(':')) {
      const std::string_view name = take_name();
      const auto place = find_(name);
      if (!place && error_.empty()) error_ = fmt::format("variable ':{}' is not set", name);
      push(Kind::variable, place.value_or(0));
    } else if (!rest_.empty() && is_digit(rest_[0])) {
      number();
    } else if (take_name() == "random") {
      expect('(');
      sum();
      expect(',');
      sum();
      expect(')');
      push(Kind::draw);
    } else {
      fail("a number, a ':variable' or random(first, last)");
    }
    --depth_;
  }

  void number() {
    std::int64_t value = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (parsed.ec != std::errc()) return fail("a number of 64 bits");
    rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
    push(Kind::number, value);
  }

  void push(Kind kind, std::int64_t value = 0) { expression_.terms_.push_back({kind, value}); }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (error_.empty() && !take(c)) fail(fmt::format("'{}'", c));
  }
  std::string_view take_name() {
    std::size_t size = 0;
    while (size < rest_.size() && is_name(rest_[size])) ++size;
    const std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }
  void fail(std::string_view expected) {
    if (!error_.empty()) return;
    error_ = rest_.empty() ? fmt::format("expected {}, but the formula ends", expected)
                           : fmt::format("expected {} at '{}'", expected, rest_);
  }

  std::string_view rest_;
  const Expression::FindVariable& find_;
  Expression expression_ = {};
  std::string error_ = {};
  std::size_t depth_ = 0;
};

tl::expected<Expression, std::string> Expression::parse(std::string_view text,
                                                        const FindVariable& find) {
  return ExpressionParser(text, find).parse();
}

std::int64_t Expression::evaluate(std::span<const std::int64_t> variables, Random& random) const {
  std::array<std::int64_t, kTermsMax> stack = {};
  std::size_t size = 0;
  for (const Term& term : terms_) {
    if (term.kind == Kind::number || term.kind == Kind::variable) {
      stack[size++] =
          term.kind == Kind::number ? term.value : variables[static_cast<std::size_t>(term.value)];
      continue;
    }
    assert(size >= 2);
    const std::int64_t right = stack[--size];
    std::int64_t& left = stack[size - 1];
    const auto a = static_cast<std::uint64_t>(left);
    const auto b = static_cast<std::uint64_t>(right);
    switch (term.kind) {
      case Kind::add:
        left = static_cast<std::int64_t>(a + b);
        break;
      case Kind::subtract:
        left = static_cast<std::int64_t>(a - b);
        break;
      case Kind::multiply:
        left = static_cast<std::int64_t>(a * b);
        break;
      case Kind::divide:
        left = right == 0 ? 0 : right == -1 ? static_cast<std::int64_t>(0 - a) : left / right;
        break;
      case Kind::remain:
        left = right == 0 || right == -1 ? 0 : left % right;
        break;
      case Kind::draw:
        left = left < right ? random.between(left, right) : left;
        break;
      case Kind::number:
      case Kind::variable:
        break;
    }
  }
  assert(size == 1);
  return stack[0];
}

}  // namespace loadline::loadgen
