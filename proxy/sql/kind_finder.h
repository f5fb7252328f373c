// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/sql/scan.h"

namespace loadline::sql {

// A word's first eight bytes, in lower case, in one number; with the word's size that is enough to
// tell every keyword we know from the others.
[[nodiscard]] constexpr std::uint64_t pack_word(std::string_view word) noexcept {
  std::uint64_t packed = 0;
  for (const char c : word.substr(0, 8)) packed = packed << 8 | static_cast<unsigned char>(c);
  return packed;
}

// Finds the kind of a text from its tokens: the first word of each statement decides, for some
// together with words further on.
class KindFinder {
 public:
  void on_word(std::uint64_t packed, std::size_t size) noexcept {
    if (verb_ == Verb::none) {
      start(packed, size);
    } else if (verb_ != Verb::decided) {
      follow(packed, size);
    }
    ++token_count_;
  }
  void on_number() noexcept {
    if (token_count_ == 1 && verb_ == Verb::select) is_ping_ = true;
    on_token();
  }
  // Any other token.
  void on_token() noexcept {
    if (verb_ == Verb::none) decide(StatementKind::other);
    ++token_count_;
  }
  // Before its verb, a parenthesis says nothing: (SELECT …) UNION ….
  void on_open() noexcept { ++depth_, ++token_count_; }
  void on_close() noexcept {
    if (depth_ > 0) --depth_;
    ++token_count_;
  }
  // Inside parentheses (CREATE RULE … DO (…; …)) it ends no statement.
  void on_semicolon() noexcept {
    if (depth_ == 0) end_statement();
  }

  // After the last token.
  void finish() noexcept { end_statement(); }
  [[nodiscard]] StatementKind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_single_statement() const noexcept { return statement_count_ <= 1; }

 private:
  // Statements whose further words matter.
  enum class Verb : std::uint8_t { none, decided, select, with, explain, copy, prepare, rollback };

  void start(std::uint64_t packed, std::size_t size) noexcept;
  void follow(std::uint64_t packed, std::size_t size) noexcept;
  void follow_copy(std::uint64_t packed, std::size_t size) noexcept;
  void end_statement() noexcept;
  void decide(StatementKind kind) noexcept {
    statement_kind_ = kind;
    verb_ = Verb::decided;
  }
  void expect(Verb verb, StatementKind otherwise) noexcept {
    statement_kind_ = otherwise;
    verb_ = verb;
  }

  Verb verb_ = Verb::none;
  StatementKind statement_kind_ = StatementKind::empty;  // Of the statement being read.
  StatementKind kind_ = StatementKind::empty;
  bool is_ping_ = false;           // So far SELECT and a number.
  bool after_for_ = false;         // The last word was FOR.
  bool explain_runs_ = false;      // EXPLAIN ANALYZE executes what it explains.
  std::uint64_t token_count_ = 0;  // Of the statement being read.
  std::uint64_t depth_ = 0;
  std::uint64_t statement_count_ = 0;
};

}  // namespace loadline::sql
