// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "config/units.h"

namespace loadline::loadgen {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool begins_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(char c) noexcept { return begins_name(c) || (c >= '0' && c <= '9'); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::size_t end_of(std::string_view text, std::string_view closing, std::size_t from) {
  const std::size_t at = text.find(closing, from);
  return at == std::string_view::npos ? text.size() : at + closing.size();
}

std::size_t comment_size(std::string_view text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  do {
    if (text.substr(at).starts_with("/*")) {
      ++depth;
      at += 2;
    } else if (text.substr(at).starts_with("*/")) {
      --depth;
      at += 2;
    } else {
      ++at;
    }
  } while (depth > 0 && at < text.size());
  return at;
}

// `$tag$ ... $tag$`, or nothing if the dollar begins something else.
std::size_t dollar_quote_size(std::string_view text) {
  std::size_t tag_end = 1;
  while (tag_end < text.size() && is_name(text[tag_end])) ++tag_end;
  if (tag_end >= text.size() || text[tag_end] != '$' || (tag_end > 1 && !begins_name(text[1]))) {
    return 0;
  }
  return end_of(text, text.substr(0, tag_end + 1), tag_end + 1);
}

// How much of the front of `text` is a quote or a comment, in which nothing has a meaning.
std::size_t opaque_size(std::string_view text) {
  switch (text[0]) {
    case '\'':
      return end_of(text, "'", 1);
    case '"':
      return end_of(text, "\"", 1);
    case '-':
      return text.starts_with("--") ? end_of(text, "\n", 2) : 0;
    case '/':
      return text.starts_with("/*") ? comment_size(text) : 0;
    case '$':
      return dollar_quote_size(text);
    default:
      return 0;
  }
}

}  // namespace

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) : rest_(text) {}

  tl::expected<Script, std::string> parse() {
    begin_statement();
    while (!rest_.empty() && error_.empty()) step();
    end_statement();
    const bool has_statement = std::any_of(
        script_.steps_.begin(), script_.steps_.end(),
        [](const Script::Step& step) { return std::holds_alternative<Script::Statement>(step); });
    if (error_.empty() && !has_statement) error_ = "the script has no statement";
    if (!error_.empty()) return tl::unexpected(fmt::format("line {}: {}", line_, error_));
    return std::move(script_);
  }

 private:
  void step() {
    if (at_line_start_ && statement_is_blank()) {
      const std::string_view line = rest_.substr(0, rest_.find('\n'));
      if (trimmed(line).starts_with('\\')) {
        command(trimmed(line));
        if (error_.empty()) pass(line.size(), /*keep=*/false);
        return;
      }
    }
    if (const std::size_t size = opaque_size(rest_); size > 0) {
      const bool is_comment = rest_[0] == '-' || rest_[0] == '/';
      // A remark before a statement is for the reader, but a block comment may be a tag.
      const bool is_remark = rest_[0] == '-' && statement_is_blank();
      has_text_ = has_text_ || !is_comment;
      return pass(size, /*keep=*/!is_remark);
    }
    if (rest_[0] == ';') {
      end_statement();
      return pass(1, /*keep=*/false);
    }
    if (rest_.starts_with("::")) return pass(2, /*keep=*/true);
    has_text_ = has_text_ || kBlanks.find(rest_[0]) == kBlanks.npos;
    if (rest_[0] == ':' && rest_.size() > 1 && begins_name(rest_[1])) return substitution();
    pass(1, /*keep=*/true);
  }

  void command(std::string_view line) {
    const std::size_t verb_end = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view verb = line.substr(0, verb_end);
    const std::string_view arguments = trimmed(line.substr(verb_end));
    if (verb == "\\set") return assignment(arguments);
    if (verb == "\\sleep") {
      std::string joined(arguments);  // pgbench writes a blank before the unit.
      std::erase(joined, ' ');
      const auto duration = config::parse_duration(joined);
      if (!duration) {
        error_ = fmt::format("\\sleep: expected a duration such as 10ms, got '{}'", arguments);
        return;
      }
      script_.steps_.emplace_back(Script::Pause{.duration = *duration});
      return;
    }
    error_ = fmt::format("unknown command '{}' (known: \\set, \\sleep)", verb);
  }

  void assignment(std::string_view arguments) {
    std::size_t name_end = 0;
    while (name_end < arguments.size() && is_name(arguments[name_end])) ++name_end;
    const std::string_view name = arguments.substr(0, name_end);
    if (name.empty() || !begins_name(name[0])) {
      error_ = fmt::format("\\set: expected a name and a formula, got '{}'", arguments);
      return;
    }
    auto value = Expression::parse(trimmed(arguments.substr(name_end)),
                                   [this](std::string_view wanted) { return find(wanted); });
    if (!value) {
      error_ = fmt::format("\\set {}: {}", name, value.error());
      return;
    }
    auto place = find(name);
    if (!place) {
      if (script_.variables_.size() == Script::kVariablesMax) {
        error_ = fmt::format("more than {} variables", Script::kVariablesMax);
        return;
      }
      script_.variables_.emplace_back(name);
      place = static_cast<std::uint32_t>(script_.variables_.size() - 1);
    }
    script_.steps_.emplace_back(Script::Assignment{.variable = *place, .value = *std::move(value)});
  }

  void substitution() {
    std::size_t size = 1;
    while (size < rest_.size() && is_name(rest_[size])) ++size;
    const std::string_view name = rest_.substr(1, size - 1);
    const auto place = find(name);
    if (!place) {
      error_ = fmt::format("variable ':{}' is not set", name);
      return;
    }
    statement_.variables.push_back(*place);
    statement_.texts.emplace_back();
    pass(size, /*keep=*/false);
  }

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const {
    const auto& names = script_.variables_;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - names.begin());
  }

  void pass(std::size_t size, bool keep) {
    const std::string_view passed = rest_.substr(0, size);
    if (keep) statement_.texts.back() += passed;
    line_ += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    at_line_start_ = passed.ends_with('\n') ||
                     (at_line_start_ && passed.find_first_not_of(kBlanks) == passed.npos);
    rest_.remove_prefix(passed.size());
  }

  [[nodiscard]] bool statement_is_blank() const { return !has_text_; }
  void begin_statement() {
    statement_ = {.texts = {""}, .variables = {}};
    has_text_ = false;
  }
  void end_statement() {
    if (!statement_is_blank()) {
      std::string& first = statement_.texts.front();
      first.erase(0, std::min(first.find_first_not_of(kBlanks), first.size()));
      std::string& last = statement_.texts.back();
      last.erase(last.find_last_not_of(kBlanks) + 1);
      script_.steps_.emplace_back(std::move(statement_));
    }
    begin_statement();
  }

  std::string_view rest_;
  Script script_ = {};
  Script::Statement statement_ = {};
  bool has_text_ = false;  // The statement has more than blanks and comments.
  std::size_t line_ = 1;
  bool at_line_start_ = true;
  std::string error_ = {};
};

std::string Script::Statement::to_sql(std::span<const std::int64_t> values) const {
  std::string out = texts[0];
  for (std::size_t i = 0; i < variables.size(); ++i) {
    // In parentheses, since `3 -:x` must not become a comment.
    const std::int64_t value = values[variables[i]];
    out += value < 0 ? fmt::format("({})", value) : fmt::to_string(value);
    out += texts[i + 1];
  }
  return out;
}

std::string Script::Statement::to_parameterised() const {
  std::string out = texts[0];
  for (std::size_t i = 0; i < variables.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "${}", i + 1);
    out += texts[i + 1];
  }
  return out;
}

tl::expected<Script, std::string> Script::parse(std::string_view text) {
  return ScriptParser(text).parse();
}

void Script::add_comment(std::string_view comment, bool leading) {
  for (Step& step : steps_) {
    auto* const statement = std::get_if<Statement>(&step);
    if (statement == nullptr) continue;
    if (leading) {
      statement->texts.front().insert(0, fmt::format("{} ", comment));
    } else {
      // On a line of its own, in case that the statement ends with a `--` comment.
      statement->texts.back().append(fmt::format("\n{}", comment));
    }
  }
}

}  // namespace loadline::loadgen
