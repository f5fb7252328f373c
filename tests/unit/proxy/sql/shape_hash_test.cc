// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/shape_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/proxy/sql/dialects.h"

namespace loadline::sql {
namespace {

std::uint64_t shape(std::string_view text, const Dialect& dialect = kPostgres) {
  return scan(text, dialect).fingerprint;
}

void expect_same(const std::vector<std::pair<std::string, std::string>>& pairs) {
  for (const auto& [a, b] : pairs) EXPECT_EQ(shape(a), shape(b)) << a << "  |  " << b;
}

TEST(ShapeHash, LiteralsNumbersAndParametersAreOnePlaceholder) {
  expect_same({
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 23456"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 'x'"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = $12"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = $q$it's$q$"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = E'a\\'b'"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = X'1f'"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = U&'\\0041'"},
      {"SELECT a FROM t WHERE b = 1.5e-10", "SELECT a FROM t WHERE b = .25"},
      {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 0x1F"},
  });
  EXPECT_EQ(shape("SELECT a WHERE b = ?", kMysql), shape("SELECT a WHERE b = 5", kMysql));
  EXPECT_EQ(shape("SELECT a WHERE b = \"x\"", kMysql), shape("SELECT a WHERE b = 5", kMysql));
}

TEST(ShapeHash, ASignAfterAnOperatorBelongsToTheNumber) {
  expect_same({{"UPDATE t SET a = a + -5", "UPDATE t SET a = a + 5"},
               {"SELECT f(-1, -.5)", "SELECT f(1, 2)"}});
  EXPECT_NE(shape("SELECT a - 5"), shape("SELECT a 5"));
  EXPECT_NE(shape("SELECT a[1] -5"), shape("SELECT a[1] 5"));
  EXPECT_NE(shape("SELECT (a) -5"), shape("SELECT (a) 5"));
}

TEST(ShapeHash, SpaceCommentsAndCaseDoNotCount) {
  expect_same({{"SELECT a FROM t", "  select\n\tA  from T  "},
               {"SELECT a FROM t", "/* x */ SELECT /* /* y */ */ a -- z\nFROM t"},
               {"SELECT a FROM t", "SELECT a FROM t;"},
               {"SELECT a FROM t", ";; SELECT a FROM t ; ;"},
               {"SELECT a,b FROM t", "SELECT a , b FROM t"},
               {"SELECT exactly8", "SELECT exactly8 "},
               {"SELECT exactly_sixteen_", "SELECT exactly_sixteen_ "},
               {"SELECT averyveryverylongcolumnname", "select AVERYVERYVERYLONGCOLUMNNAME"}});
}

TEST(ShapeHash, ListsOfAnyLengthAreOneShape) {
  expect_same({{"SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (1, 2, 3)"},
               {"SELECT a FROM t WHERE b IN ($1)", "SELECT a FROM t WHERE b IN ($1, $2, 'x')"},
               {"INSERT INTO t VALUES (1, 2)", "INSERT INTO t VALUES (1, 2), (3, 4), (5, 6)"},
               {"SELECT ARRAY[1]", "SELECT ARRAY[1, 2, 3]"}});
  EXPECT_NE(shape("SELECT f(1, a)"), shape("SELECT f(1)"));
  EXPECT_NE(shape("INSERT INTO t VALUES (1, a), (2, b)"), shape("INSERT INTO t VALUES (1, a)"));
}

TEST(ShapeHash, WhatStandsBehindAListStillCounts) {
  EXPECT_NE(shape("SELECT a WHERE b IN (1, 2) AND c = 1"), shape("SELECT a WHERE b IN (1, 2)"));
  EXPECT_EQ(shape("INSERT INTO t VALUES (1), (2) RETURNING a"),
            shape("INSERT INTO t VALUES (7) RETURNING a"));
  EXPECT_NE(shape("INSERT INTO t VALUES (1), (2) RETURNING a"),
            shape("INSERT INTO t VALUES (1), (2) RETURNING b"));
}

TEST(ShapeHash, DifferentShapesDiffer) {
  const std::vector<std::string> texts = {"SELECT a FROM t",
                                          "SELECT b FROM t",
                                          "SELECT a FROM u",
                                          "SELECT aa FROM t",
                                          "SELECT a a FROM t",
                                          "SELECT \"a\" FROM t",
                                          "SELECT \"A\" FROM t",
                                          "SELECT a FROM t WHERE b",
                                          "SELECT a FROM t WHERE b = 1",
                                          "SELECT a, b FROM t",
                                          "SELECT a < b",
                                          "SELECT a > b",
                                          "SELECT a; SELECT b",
                                          "SELECT b; SELECT a",
                                          "a_long_name_of_17_",
                                          "a_long_name_of_17x",
                                          "a_long_n_of_17_ame"};
  std::set<std::uint64_t> shapes;
  for (const std::string& text : texts) shapes.insert(shape(text));
  EXPECT_EQ(shapes.size(), texts.size());
}

TEST(ShapeHash, ZeroMeansNoTokens) {
  EXPECT_EQ(shape(""), 0u);
  EXPECT_EQ(shape(" ; -- nothing\n ; /* here */"), 0u);
  EXPECT_NE(shape("1"), 0u);
}

}  // namespace
}  // namespace loadline::sql
