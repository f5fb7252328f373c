// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/scan.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/proxy/sql/dialects.h"

namespace loadline::sql {
namespace {

// What a lexer that lost its way would see behind the construct: a second statement, of another
// kind.
void expect_hidden(const std::string& construct, const Dialect& dialect = kPostgres) {
  const StatementScan found = scan("SELECT a, " + construct + " FROM t", dialect);
  EXPECT_TRUE(found.single_statement) << construct;
  EXPECT_EQ(found.kind, StatementKind::read) << construct;
}
void expect_seen(const std::string& construct, const Dialect& dialect = kPostgres) {
  const StatementScan found = scan("SELECT a, " + construct + " FROM t", dialect);
  EXPECT_FALSE(found.single_statement) << construct;
  EXPECT_EQ(found.kind, StatementKind::ddl) << construct;
}

TEST(Scan, StringsEndWhereTheyEnd) {
  expect_hidden("';drop table t;'");
  expect_hidden("'it''s ;drop table t;'");
  expect_hidden("'' || ';drop table t;' || ''");
  expect_seen("'';drop table t");
}

TEST(Scan, BackslashesEscapeOnlyWhereTheyDo) {
  expect_hidden(R"(E'\';drop table t;')");
  expect_hidden(R"(e'\\\';drop table t;')");
  expect_seen(R"('\';drop table t;')");
  expect_hidden(R"('\';drop table t;')", kMysql);
  expect_seen(R"(E'\\';drop table t;)");
}

TEST(Scan, OnlyALoneLetterIsAStringPrefix) {
  expect_seen(R"(type'\';drop table t;')");
  expect_seen(R"(a_e'\';drop table t;')");
}

TEST(Scan, QuotedNamesEndWhereTheyEnd) {
  expect_hidden("\";drop table t;\"");
  expect_hidden("\"a\"\";drop table t;\"");
  expect_seen(R"("\";drop table t;")");
  expect_hidden("`a``;drop table t;`", kMysql);
  expect_seen("`;drop table t;`", kPostgres);
}

TEST(Scan, DollarQuotesNeedTheirOwnTag) {
  expect_hidden("$$;drop table t;$$");
  expect_hidden("$a$;drop table t;$b$;$$;$a$");
  expect_hidden("$a$;drop table t;$A$;$a$");
  expect_hidden("$\xc3\xa9$;drop table t;$\xc3\xa9$");
  expect_seen("$1;drop table t;$1");
  expect_seen("a$b$;drop table t;$b$");
  expect_seen("$a b$;drop table t;$a b$");
  expect_seen("$$;drop table t;$$", kMysql);
}

TEST(Scan, CommentsNestWhereTheyDo) {
  expect_hidden("/*;drop table t;*/b");
  expect_hidden("/* /* */ ;drop table t; */b");
  expect_seen("/* /* */ ;drop table t; */b", kMysql);
  expect_hidden("/*/;drop table t;*/b");
  expect_hidden("--;drop table t;\nb");
  expect_hidden("--;drop table t;\rb");
  expect_hidden("#;drop table t;\nb", kMysql);
  expect_seen("#;drop table t;\nb");
  expect_seen("- -b;drop table t;");
}

TEST(Scan, WhatIsNeverClosedGoesToTheEnd) {
  for (const char* open : {"'", "\"", "E'", "$$", "$a$", "/*", "/* /* */", "--", "U&'", "U&\""}) {
    const StatementScan found = scan(std::string("SELECT a ") + open + ";DROP TABLE t", kPostgres);
    EXPECT_TRUE(found.single_statement) << open;
    EXPECT_EQ(found.kind, StatementKind::read) << open;
  }
}

TEST(Scan, TheTextNeedsNoTerminator) {
  for (const std::string last : {"E'\\", "'", "$", "$a", "$1",  "/", "/*", "/**", "-",  "--",
                                 "U&",   "u", "e", "1e", "1e-", ".", "\"", "`",   "\\", "?"}) {
    // Exactly as large as the text, for the sanitizers to see a byte read too much.
    const auto text = std::make_unique<char[]>(last.size());
    std::copy(last.begin(), last.end(), text.get());
    for (const Dialect& dialect : {kStandard, kPostgres, kMysql}) {
      (void)scan({text.get(), last.size()}, dialect);
    }
  }
}

constexpr std::string_view kEverything =
    "/* priority='t1', tenant='a%20b' */ WITH x AS (SELECT E'a\\'b', U&'c', $$d$$, $t$e$$$t$)\n"
    "INSERT INTO \"t\"\"u\" -- no /*a='b'*/\n"
    "SELECT -1.5e+10, .5, $12, a[1]-2, '/*k=v*/', b'01', /* /* n */ m:1 */ `q` # h\n"
    " FROM averyveryveryverylongname; COMMIT /*k='v'*/";

// Only a prefix of a long statement is ever given: every one must do.
TEST(Scan, EveryCutOfATextIsScanned) {
  for (const Dialect& dialect : {kStandard, kPostgres, kMysql}) {
    for (std::size_t size = 0; size <= kEverything.size(); ++size) {
      const std::vector<char> text(kEverything.begin(),
                                   kEverything.begin() + static_cast<std::ptrdiff_t>(size));
      const StatementScan found = scan({text.data(), text.size()}, dialect, Extent::prefix);
      EXPECT_FALSE(is_control(found.kind)) << "size=" << size;
      // Tags that were found stay found: those of a prefix are the first of the whole.
      const StatementScan whole = scan(kEverything, dialect);
      ASSERT_LE(found.tag_count, whole.tag_count);
      for (std::size_t i = 0; i < found.tag_count; ++i) EXPECT_EQ(found.tags[i], whole.tags[i]);
    }
  }
}

TEST(Scan, EveryByteIsScanned) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(3, static_cast<char>(byte));
    EXPECT_EQ(scan(text, kPostgres), scan(text, kPostgres)) << byte;
  }
}

}  // namespace
}  // namespace loadline::sql
