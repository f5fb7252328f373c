// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/reply.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/support/pg_messages.h"

namespace loadline::postgres {
namespace {

using test::cstr;
using test::text_of;

std::string written(const ErrorFields& fields) {
  std::array<std::byte, 512> buffer{};
  wire::ByteWriter out(buffer);
  write_error(fields, out);
  EXPECT_FALSE(out.overflowed());
  return text_of(out.written());
}

TEST(Reply, ErrorsHaveEveryFieldThatDriversLookAt) {
  EXPECT_EQ(written({.severity = "ERROR",
                     .sqlstate = "53000",
                     .message = "shed",
                     .detail = "reason=x",
                     .hint = "later"}),
            test::message('E', cstr("SERROR") + cstr("VERROR") + cstr("C53000") + cstr("Mshed") +
                                   cstr("Dreason=x") + cstr("Hlater") + '\0'));
}

TEST(Reply, EmptyFieldsAreLeftOut) {
  EXPECT_EQ(
      written({.severity = "FATAL", .sqlstate = "57P03", .message = "m"}),
      test::message('E', cstr("SFATAL") + cstr("VFATAL") + cstr("C57P03") + cstr("Mm") + '\0'));
}

TEST(Reply, AZeroInsideAFieldCannotForgeAnother) {
  using namespace std::string_view_literals;
  EXPECT_EQ(written({.sqlstate = "53000", .message = "m", .detail = "tenant=a\0Cforged"sv}),
            written({.sqlstate = "53000", .message = "m", .detail = "tenant=a"}));
}

TEST(Reply, WhatDoesNotFitIsReportedNotSent) {
  std::array<std::byte, 16> buffer{};
  wire::ByteWriter out(buffer);
  write_error({.sqlstate = "53000", .message = "a long message"}, out);
  EXPECT_TRUE(out.overflowed());
}

TEST(Reply, ReadyForQueryCarriesTheStatus) {
  std::array<std::byte, 16> buffer{};
  wire::ByteWriter out(buffer);
  write_ready_for_query('E', out);
  EXPECT_EQ(text_of(out.written()), test::ready('E'));
}

TEST(Reply, FindsTheSqlstateOfAServersError) {
  const std::string error = test::error_response("53200").substr(5);
  EXPECT_EQ(find_sqlstate(test::bytes_of(error)), "53200");
  EXPECT_EQ(find_sqlstate(test::bytes_of(error.substr(0, 4))), "");
  EXPECT_EQ(find_sqlstate({}), "");
}

}  // namespace
}  // namespace loadline::postgres
