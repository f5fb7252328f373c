// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/startup.h"

#include <gtest/gtest.h>

#include "tests/support/pg_messages.h"

namespace loadline::postgres {
namespace {

using test::bytes_of;
using test::cstr;
using test::untagged;
using Kind = Startup::Kind;

Startup parsed(const std::string& packet) { return parse_startup(bytes_of(packet)); }

TEST(Startup, ReadsWhoConnects) {
  const std::string packet = test::startup({"user", "ann", "database", "orders", "application_name",
                                            "checkout", "client_encoding", "UTF8"});
  const Startup startup = parsed(packet);
  EXPECT_EQ(startup.kind, Kind::session);
  EXPECT_EQ(startup.size, packet.size());
  EXPECT_EQ(startup.user, "ann");
  EXPECT_EQ(startup.database, "orders");
  EXPECT_EQ(startup.application, "checkout");
  EXPECT_FALSE(startup.replication);
}

TEST(Startup, DatabaseIsTheUserWhenNotGiven) {
  const std::string packet = test::startup({"user", "ann"});
  EXPECT_EQ(parsed(packet).database, "ann");
}

TEST(Startup, KnowsReplicationConnectionsByEveryWayToSayYes) {
  for (const auto* value : {"true", "on", "1", "yes", "database"}) {
    EXPECT_TRUE(parsed(test::startup({"user", "ann", "replication", value})).replication) << value;
  }
  for (const auto* value : {"false", "off", "0", "no"}) {
    EXPECT_FALSE(parsed(test::startup({"user", "ann", "replication", value})).replication) << value;
  }
}

TEST(Startup, EveryPrefixNeedsMore) {
  const std::string packet = test::startup({"user", "ann", "database", "orders"});
  for (std::size_t size = 0; size < packet.size(); ++size) {
    EXPECT_EQ(parsed(packet.substr(0, size)).kind, Kind::need_more) << size;
  }
}

TEST(Startup, AcceptsNewerMinorVersionsBecauseTheServerNegotiates) {
  EXPECT_EQ(parsed(untagged(0x00030002, cstr("user") + cstr("ann") + '\0')).kind, Kind::session);
}

TEST(Startup, RefusesOtherMajorVersions) {
  EXPECT_EQ(parsed(untagged(0x00020000, cstr("user") + cstr("ann") + '\0')).kind,
            Kind::unsupported);
}

TEST(Startup, TellsTheRequestsApart) {
  EXPECT_EQ(parsed(untagged(kSslRequestCode)).kind, Kind::ssl_request);
  EXPECT_EQ(parsed(untagged(kGssencRequestCode)).kind, Kind::gssenc_request);
  EXPECT_EQ(parsed(untagged(kSslRequestCode, "more")).kind, Kind::malformed);
}

TEST(Startup, ReadsCancelKeysOfEverySizeThatTheProtocolHas) {
  const std::string key(8, 'k');
  const std::string packet = untagged(kCancelRequestCode, key);
  EXPECT_EQ(parsed(packet).kind, Kind::cancel_request);
  EXPECT_EQ(test::text_of(parsed(packet).cancel_key), key);
  EXPECT_EQ(parsed(untagged(kCancelRequestCode, std::string(260, 'k'))).kind, Kind::cancel_request);
  EXPECT_EQ(parsed(untagged(kCancelRequestCode, std::string(261, 'k'))).kind, Kind::malformed);
  EXPECT_EQ(parsed(untagged(kCancelRequestCode, std::string(7, 'k'))).kind, Kind::malformed);
}

TEST(Startup, LengthClaimsAreBoundedBeforeAnythingIsKept) {
  EXPECT_EQ(parsed(test::be32(kStartupSizeMax + 1) + test::be32(196608)).kind, Kind::malformed);
  EXPECT_EQ(parsed(test::be32(1U << 30U) + test::be32(196608)).kind, Kind::malformed);
  EXPECT_EQ(parsed(test::be32(7) + test::be32(196608)).kind, Kind::malformed);
}

TEST(Startup, RefusesParametersThatDoNotEndAsTheyShould) {
  EXPECT_EQ(parsed(untagged(196608, cstr("user") + cstr("ann"))).kind, Kind::malformed);
  EXPECT_EQ(parsed(untagged(196608, cstr("user") + "ann")).kind, Kind::malformed);
  EXPECT_EQ(parsed(untagged(196608, cstr("user") + cstr("ann") + '\0' + "x")).kind,
            Kind::malformed);
}

TEST(Startup, AskedForByNobodyIsSaidSo) {
  EXPECT_EQ(parsed(untagged(196608, cstr("database") + cstr("x") + '\0')).kind, Kind::nobody);
}

}  // namespace
}  // namespace loadline::postgres
