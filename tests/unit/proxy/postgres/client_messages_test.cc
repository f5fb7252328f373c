// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/client_messages.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/pg_messages.h"

namespace loadline::postgres {
namespace {

std::string written(void (*put)(std::string_view, std::string&), std::string_view text) {
  std::string out;
  put(text, out);
  return out;
}

TEST(ClientMessages, AreTheOnesOfTheProtocol) {
  EXPECT_EQ(written(put_query, "SELECT 1"), test::query("SELECT 1"));
  EXPECT_EQ(written(put_authentication, "abc"), test::message('p', "abc"));
  EXPECT_EQ(written(put_copy_fail, "why"), test::message('f', test::cstr("why")));
  EXPECT_EQ(written(put_cancel_request, "12345678"), test::untagged(80877102, "12345678"));
  std::string out;
  put_parse({.name = "s", .sql = "SELECT $1"}, out);
  put_execute(out);
  put_sync(out);
  put_terminate(out);
  EXPECT_EQ(out,
            test::parse("s", "SELECT $1") + test::execute() + test::sync() + test::terminate());
}

TEST(ClientMessages, BindCarriesItsParametersAsText) {
  const std::vector<std::string> parameters = {"17", ""};
  std::string out;
  put_bind("s", parameters, out);
  EXPECT_EQ(out,
            test::message('B', test::cstr("") + test::cstr("s") + test::be16(0) + test::be16(2) +
                                   test::be32(2) + "17" + test::be32(0) + test::be16(0)));
}

TEST(ClientMessages, TheStartupIsOneThatTheProxyReads) {
  std::string out;
  put_startup({.user = "ann", .database = "shop", .application_name = "bench"}, out);
  EXPECT_NE(out.find(test::cstr("user") + test::cstr("ann")), std::string::npos);
  EXPECT_NE(out.find(test::cstr("database") + test::cstr("shop")), std::string::npos);
  EXPECT_NE(out.find(test::cstr("application_name") + test::cstr("bench")), std::string::npos);
  EXPECT_TRUE(
      out.starts_with(test::be32(static_cast<std::uint32_t>(out.size())) + test::be32(196608)));
}

TEST(ClientMessages, AnErrorIsReadAsFarAsItGoes) {
  const std::string body = test::error_response("53000").substr(5);
  EXPECT_EQ(parse_error(body).error.sqlstate, "53000");
  EXPECT_FALSE(parse_error(body).fatal);
  for (std::size_t size = 0; size < body.size(); ++size) (void)parse_error(body.substr(0, size));
  EXPECT_TRUE(parse_error(test::cstr("SFATAL") + test::cstr("C57P01")).fatal);
}

}  // namespace
}  // namespace loadline::postgres
