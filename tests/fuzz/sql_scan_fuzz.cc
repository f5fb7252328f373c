// SPDX-License-Identifier: Apache-2.0
// Property: whatever the text and the dialect, the scan reads nothing but the text, its tags lie
// inside it, it says the same again, and the tags of a prefix are the first of the whole; a prefix
// is never control.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "proxy/sql/scan.h"
#include "tests/fuzz/require.h"

namespace sql = loadline::sql;
using loadline::fuzz::require;

namespace {

sql::Dialect dialect_of(std::uint8_t bits) {
  return {.dollar_quotes = (bits & 1) != 0,
          .nested_comments = (bits & 2) != 0,
          .backslash_escapes = (bits & 4) != 0,
          .hash_comments = (bits & 8) != 0,
          .backtick_identifiers = (bits & 16) != 0,
          .double_quote_strings = (bits & 32) != 0,
          .question_parameters = (bits & 64) != 0};
}

bool lies_inside(std::string_view part, std::string_view text) {
  return part.empty() ||
         (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

void check_tags(const sql::StatementScan& found, std::string_view text) {
  require(found.tag_count <= sql::kTagsMax);
  for (const sql::CommentTag& tag : found.found_tags()) {
    require(!tag.key.empty());
    require(lies_inside(tag.key, text) && lies_inside(tag.value, text));
    std::array<char, 16> buffer;
    require(sql::decode_tag_value(tag.value, buffer).size() <= buffer.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const sql::Dialect dialect = dialect_of(data[0]);
  const std::size_t text_size = size - 2;
  const std::size_t prefix_size = text_size * data[1] / 255;
  const auto bytes = std::make_unique<char[]>(text_size);
  if (text_size > 0) std::memcpy(bytes.get(), data + 2, text_size);
  const std::string_view text(bytes.get(), text_size);

  const sql::StatementScan whole = sql::scan(text, dialect);
  check_tags(whole, text);
  require(sql::scan(text, dialect) == whole);

  // A copy of its own, so that the sanitizer sees a read beyond the cut.
  const auto prefix_bytes = std::make_unique<char[]>(prefix_size);
  if (prefix_size > 0) std::memcpy(prefix_bytes.get(), text.data(), prefix_size);
  const std::string_view prefix(prefix_bytes.get(), prefix_size);
  const sql::StatementScan cut = sql::scan(prefix, dialect, sql::Extent::prefix);
  check_tags(cut, prefix);
  require(!sql::is_control(cut.kind));
  require(cut.tag_count <= whole.tag_count);
  for (std::size_t i = 0; i < cut.tag_count; ++i) require(cut.tags[i] == whole.tags[i]);
  return 0;
}
