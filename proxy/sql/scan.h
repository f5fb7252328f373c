// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// What can be told about an SQL text without parsing it: what kind of work it asks for, its shape,
// and the tags in its comments. One pass, no allocation, no failure: a text that no database would
// accept gets a sensible answer too, because the database is the one to refuse it.
namespace loadline::sql {

// What differs between databases. All false is the SQL standard.
struct Dialect {
  bool dollar_quotes = false;         // $tag$ … $tag$ is a string, $1 a parameter.
  bool nested_comments = false;       // A /* inside a /* */ needs a */ of its own.
  bool backslash_escapes = false;     // In every string; E'…' has them always.
  bool hash_comments = false;         // # to the end of the line.
  bool backtick_identifiers = false;  // `…` is a quoted identifier.
  bool double_quote_strings = false;  // "…" is a string, not an identifier.
  bool question_parameters = false;   // ? is a parameter, not an operator.

  bool operator==(const Dialect&) const = default;
};

enum class StatementKind : std::uint8_t {
  empty,    // Nothing but white space, comments and semicolons.
  session,  // Control of the session or the transaction's inside: SET, SHOW, DEALLOCATE, LISTEN,
            // SAVEPOINT, ROLLBACK TO, a lone SELECT 1 (how pools validate a connection) ….
  end,      // COMMIT, ROLLBACK, END, ABORT, PREPARE TRANSACTION, COMMIT PREPARED ….
  begin,    // BEGIN, START TRANSACTION.
  read,
  other,  // Unknown here (EXECUTE of a prepared statement, say): treat it as a write.
  write,
  ddl,
};

// Control never waits and is never shed: refusing it would only make things worse.
[[nodiscard]] constexpr bool is_control(StatementKind kind) noexcept {
  return kind <= StatementKind::begin;
}

struct CommentTag {
  std::string_view key;
  std::string_view value;  // Without its quotes, still encoded: see decode_tag_value().

  bool operator==(const CommentTag&) const = default;
};

inline constexpr std::size_t kTagsMax = 8;  // Tags after the eighth are ignored.

struct StatementScan {
  // Of several statements in one text the one that weighs most, in the order of StatementKind:
  // "SET …; INSERT …" is a write. So a text is control only if all of it is.
  StatementKind kind = StatementKind::empty;
  bool single_statement = true;
  // Hash of the shape: comments and white space dropped, case folded, literals, numbers and
  // parameters all one placeholder, runs of placeholders and of rows of placeholders one. The same
  // for one build of Loadline everywhere; not for storing. 0 only for an empty text.
  std::uint64_t fingerprint = 0;
  std::uint32_t tag_count = 0;
  std::array<CommentTag, kTagsMax> tags = {};  // In the order of the text; views into it.

  [[nodiscard]] std::span<const CommentTag> found_tags() const noexcept {
    return {tags.data(), tag_count};
  }

  bool operator==(const StatementScan&) const = default;
};

enum class Extent : std::uint8_t {
  whole,   // The text is all there is.
  prefix,  // More follows that was not given. It could be anything, so the answer is never control.
};

// The kind is found by keywords, not by parsing: WITH is a write if INSERT, UPDATE, DELETE or MERGE
// occurs as a bare word anywhere in it; SELECT is one with FOR UPDATE (or SHARE, or KEY …) or INTO.
// A function with side effects is not seen: SELECT f() is a read.
//
// Tags are taken from block comments of the forms key='value' (sqlcommenter), key=value and
// key:value (marginalia), separated by commas, wherever they stand; not from /*+ hints */, line
// comments, unterminated comments, strings or quoted identifiers.
[[nodiscard]] StatementScan scan(std::string_view text, const Dialect& dialect,
                                 Extent extent = Extent::whole) noexcept;

// Undoes percent-encoding and backslash escapes. The result is a view into `encoded` where nothing
// had to be undone, else into `buffer`; cut to the buffer's size either way. An invalid escape
// stays as it is.
[[nodiscard]] std::string_view decode_tag_value(std::string_view encoded,
                                                std::span<char> buffer) noexcept;

}  // namespace loadline::sql
