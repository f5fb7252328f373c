// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline::loadgen {
namespace {

using testing::HasSubstr;

const wire::ClientProtocol kProtocol = {.schemes = {"db", "database"}, .port_default = 99};

tl::expected<Target, std::string> parse(std::string_view url) {
  const wire::ClientProtocol* const protocols[] = {&kProtocol};
  return parse_target(url, protocols);
}

TEST(ParseTarget, ReadsEveryPart) {
  const auto target = parse("db://us%40er:p%3Aw@example.org:123/shop?options=-c%20x%3Dy");
  ASSERT_TRUE(target) << target.error();
  EXPECT_EQ(target->protocol, &kProtocol);
  EXPECT_EQ(target->host, "example.org");
  EXPECT_EQ(target->port, 123);
  EXPECT_EQ(target->login.user, "us@er");
  EXPECT_EQ(target->login.password, "p:w");
  EXPECT_EQ(target->login.database, "shop");
  EXPECT_EQ(target->login.options, "-c x=y");
  EXPECT_EQ(to_text(*target), "db://us@er@example.org:123/shop");
}

TEST(ParseTarget, FillsInWhatIsMissing) {
  const auto target = parse("database://joe@");
  ASSERT_TRUE(target) << target.error();
  EXPECT_EQ(target->host, "localhost");
  EXPECT_EQ(target->port, 99);
  EXPECT_EQ(target->login.database, "joe");
}

TEST(ParseTarget, ReadsUnixSocketsAndIpv6) {
  const auto local = parse("db:///shop?host=/run/db&port=7&user=joe");
  ASSERT_TRUE(local) << local.error();
  EXPECT_EQ(local->host, "/run/db");
  EXPECT_EQ(local->port, 7);
  EXPECT_EQ(to_text(*local), "db://joe@/shop?host=/run/db&port=7");
  const auto ipv6 = parse("db://joe@[::1]:8/shop");
  ASSERT_TRUE(ipv6) << ipv6.error();
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->port, 8);
  EXPECT_EQ(to_text(*ipv6), "db://joe@[::1]:8/shop");
}

TEST(ParseTarget, SaysWhatIsWrongWithoutThePassword) {
  const auto error_of = [](std::string_view url) {
    const auto target = parse(url);
    return target ? "" : target.error();
  };
  EXPECT_THAT(error_of("mysql://x"), HasSubstr("db://, database://"));
  EXPECT_THAT(error_of("localhost"), HasSubstr("expected a URL"));
  EXPECT_THAT(error_of("db://h:0/d"), HasSubstr("port"));
  EXPECT_THAT(error_of("db://h:65536/d"), HasSubstr("port"));
  EXPECT_THAT(error_of("db://h/d?colour=red"), HasSubstr("unknown setting 'colour'"));
  EXPECT_THAT(error_of("db://h/d?sslmode=require"), HasSubstr("TLS"));
  EXPECT_EQ(error_of("db://h/d?sslmode=prefer"), "");
  const std::string error = error_of("db://u:secret%2@h/d");
  EXPECT_THAT(error, HasSubstr("password"));
  EXPECT_THAT(error, testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace loadline::loadgen
