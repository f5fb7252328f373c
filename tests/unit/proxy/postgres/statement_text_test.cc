// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/statement_text.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/pg_messages.h"

namespace loadline::postgres {
namespace {

wire::Statement read(const std::string& message) {
  return read_statement(message[0], test::bytes_of(std::string_view(message).substr(5)));
}

TEST(StatementText, AQueryIsItsText) {
  const std::string message = test::query("SELECT 1");
  EXPECT_EQ(read(message).text, "SELECT 1");
  EXPECT_TRUE(read(message).has_text);
  EXPECT_EQ(read(message).name_hash, 0U);
}

TEST(StatementText, AnEmptyQueryHasATextToo) { EXPECT_TRUE(read(test::query("")).has_text); }

TEST(StatementText, BindFindsWhatParseNamed) {
  const std::string parse = test::parse("s1", "SELECT 2");
  const std::string bind = test::bind("portal", "s1");
  EXPECT_EQ(read(parse).text, "SELECT 2");
  EXPECT_NE(read(parse).name_hash, 0U);
  EXPECT_EQ(read(parse).name_hash, read(bind).name_hash);
  EXPECT_FALSE(read(bind).has_text);
  EXPECT_NE(read(bind).name_hash, read(test::bind("portal", "s2")).name_hash);
}

TEST(StatementText, TheUnnamedStatementIsRememberedLikeOthers) {
  EXPECT_NE(read(test::parse("", "SELECT 1")).name_hash, 0U);
  EXPECT_EQ(read(test::parse("", "SELECT 1")).name_hash, read(test::bind("", "")).name_hash);
}

TEST(StatementText, ATextThatWasCutIsReadAsFarAsItGoes) {
  const std::string message = test::query("SELECT 12345").substr(0, 11);
  EXPECT_EQ(read(message).text, "SELECT");
}

TEST(StatementText, ExecuteAndFunctionCallSayNothing) {
  EXPECT_FALSE(read(test::execute("p")).has_text);
  EXPECT_EQ(read(test::execute("p")).name_hash, 0U);
  EXPECT_FALSE(read(test::message('F', "....")).has_text);
}

}  // namespace
}  // namespace loadline::postgres
