// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint.h"

#include <gtest/gtest.h>

#include <string>

namespace loadline::config {
namespace {

TEST(Endpoint, EveryFormIsReadAndWrittenBack) {
  for (const char* text : {"127.0.0.1:5432", "[::1]:5432", "[fe80::1]:1", "db.internal:65535",
                           "localhost:0", "my_db-1:5432", "unix:/run/x/.s.PGSQL.5432"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_text(*endpoint), text);
  }
}

TEST(Endpoint, PartsLandInTheirFields) {
  EXPECT_EQ(parse_endpoint("[::1]:5432"), (Endpoint{.host = "::1", .port = 5432}));
  EXPECT_EQ(parse_endpoint("unix:/a"), (Endpoint{.unix_path = "/a"}));
}

TEST(Endpoint, WhatIsNoAddressIsRefused) {
  for (const char* text : {"",
                           ":",
                           ":5432",
                           "5432",
                           "localhost",
                           "localhost:",
                           "localhost:pg",
                           "localhost:65536",
                           "localhost:-1",
                           "::1:5432",
                           "[::1]",
                           "[localhost]:1",
                           "[127.0.0.1]:1",
                           "[]:1",
                           "1.2.3:5432",
                           "1.2.3.256:5432",
                           "a b:1",
                           "http://a:1",
                           "unix:",
                           "unix:/",
                           "unix:relative",
                           "*:5432"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

TEST(Endpoint, ASocketPathFitsItsStructure) {
  EXPECT_TRUE(parse_endpoint("unix:/" + std::string(106, 'a')));
  EXPECT_FALSE(parse_endpoint("unix:/" + std::string(107, 'a')));
}

TEST(AddressRange, EveryFormIsRead) {
  EXPECT_EQ(parse_address_range("unix"), AddressRange{.is_unix = true});
  EXPECT_EQ(parse_address_range("10.0.0.0/8"),
            (AddressRange{.address = {10, 0, 0, 0}, .prefix_bits = 8}));
  EXPECT_EQ(parse_address_range("10.1.2.3"),
            (AddressRange{.address = {10, 1, 2, 3}, .prefix_bits = 32}));
  EXPECT_EQ(parse_address_range("0.0.0.0/0"), (AddressRange{.address = {0, 0, 0, 0}}));
  const auto ipv6 = parse_address_range("fd00::/8");
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->address.size(), 16u);
  EXPECT_EQ(ipv6->prefix_bits, 8);
  EXPECT_EQ(parse_address_range("::1")->prefix_bits, 128);
}

TEST(AddressRange, WhatIsNoRangeIsRefused) {
  for (const char* text : {"", "10", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "host",
                           "host/8", "/8", "unix/8"}) {
    EXPECT_FALSE(parse_address_range(text)) << text;
  }
}

}  // namespace
}  // namespace loadline::config
