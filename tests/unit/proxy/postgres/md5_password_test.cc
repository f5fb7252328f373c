// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/md5_password.h"

#include <gtest/gtest.h>

namespace loadline::postgres {
namespace {

// Worked out with another implementation of MD5: md5(md5("secret" + "ann") + salt).
TEST(Md5Password, IsWhatTheServerWorksOutItself) {
  const Md5Login login{.user = "ann",
                       .password = "secret",
                       .salt = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{255}}};
  EXPECT_EQ(md5_password(login), "md55c3aff057ab51719a3c7ad40173b2c58");
}

TEST(Md5Password, DependsOnAllThatGoesIn) {
  const Md5Login login{.user = "ann", .password = "secret"};
  Md5Login other = login;
  other.user = "bob";
  EXPECT_NE(md5_password(login), md5_password(other));
  other = login;
  other.password = "Secret";
  EXPECT_NE(md5_password(login), md5_password(other));
  other = login;
  other.salt[3] = std::byte{1};
  EXPECT_NE(md5_password(login), md5_password(other));
}

}  // namespace
}  // namespace loadline::postgres
