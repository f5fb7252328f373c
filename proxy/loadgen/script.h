// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "proxy/loadgen/expression.h"
#include "proxy/loadgen/random.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

// What a client does in one operation: statements sent one after the other, each when the one
// before has been answered. Text in pgbench's manner: statements end with `;`, and a line that
// begins with a backslash is `\set name formula` or `\sleep 10ms` (think time, in ns, us, ms, s).
// `:name` outside of quotes and comments stands for a variable.
class Script {
 public:
  static constexpr std::size_t kVariablesMax = 64;

  struct Assignment {
    std::uint32_t variable = 0;
    Expression value = {};
  };
  struct Pause {
    Duration duration = {};
  };
  // Text, variable, text, variable, ..., text.
  struct Statement {
    std::vector<std::string> texts = {};
    std::vector<std::uint32_t> variables = {};

    // With values in their places.
    [[nodiscard]] std::string to_sql(std::span<const std::int64_t> values) const;
    // With $1, $2, ... in their places.
    [[nodiscard]] std::string to_parameterised() const;
  };
  using Step = std::variant<Assignment, Pause, Statement>;

  // The error begins with the number of the line.
  [[nodiscard]] static tl::expected<Script, std::string> parse(std::string_view text);

  // Adds a comment to every statement, before or behind it.
  void add_comment(std::string_view comment, bool leading);

  [[nodiscard]] std::span<const Step> steps() const noexcept { return steps_; }
  [[nodiscard]] std::size_t variable_count() const noexcept { return variables_.size(); }

 private:
  friend class ScriptParser;

  std::vector<Step> steps_ = {};
  std::vector<std::string> variables_ = {};
};

}  // namespace loadline::loadgen
