// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/tenant_name.h"

#include <gtest/gtest.h>

#include <string>

namespace loadline::session {
namespace {

using namespace std::string_literals;

TEST(TenantName, HoldsUpTo63Bytes) {
  EXPECT_EQ(TenantName(std::string(63, 'a')).view(), std::string(63, 'a'));
  EXPECT_EQ(TenantName(std::string(64, 'a')).view(), std::string(63, 'a'));
  EXPECT_TRUE(TenantName("").empty());
  EXPECT_EQ(sizeof(TenantName), 64u);
}

TEST(TenantName, IsCutBetweenCharacters) {
  EXPECT_EQ(TenantName(std::string(62, 'a') + "\xc3\xa9").view(), std::string(62, 'a'));
  EXPECT_EQ(TenantName(std::string(61, 'a') + "\xc3\xa9").view(),
            std::string(61, 'a') + "\xc3\xa9");
}

TEST(TenantName, KeepsWellFormedText) {
  for (const std::string name :
       {"acme co", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "~"}) {
    EXPECT_EQ(TenantName(name).view(), name);
  }
}

// The name goes into zero-terminated messages, log lines and metric labels.
TEST(TenantName, ReplacesWhatIsNotTextFit) {
  EXPECT_EQ(TenantName("a\0b"s).view(), "a?b");
  EXPECT_EQ(TenantName("a\nb\x7f").view(), "a?b?");
  EXPECT_EQ(TenantName("\xff").view(), "?");
  EXPECT_EQ(TenantName("\xc3").view(), "?");                 // Cut off.
  EXPECT_EQ(TenantName("\xc0\xaf").view(), "??");            // Overlong.
  EXPECT_EQ(TenantName("\xed\xa0\x80").view(), "???");       // A surrogate.
  EXPECT_EQ(TenantName("\xf4\x90\x80\x80").view(), "????");  // Beyond U+10FFFF.
  EXPECT_EQ(TenantName("\xe2\x82"
                       "a")
                .view(),
            "??a");
}

}  // namespace
}  // namespace loadline::session
