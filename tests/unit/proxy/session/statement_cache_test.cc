// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/statement_cache.h"

#include <gtest/gtest.h>

namespace loadline::session {
namespace {

KnownStatement with_fingerprint(std::uint64_t fingerprint) {
  KnownStatement statement;
  statement.classification.profile.fingerprint = fingerprint;
  return statement;
}

TEST(StatementCache, FindsWhatWasPut) {
  StatementCache cache;
  EXPECT_EQ(cache.find(1), nullptr);
  for (std::uint64_t name = 1; name <= 50; ++name) cache.put(name * 977, with_fingerprint(name));
  for (std::uint64_t name = 1; name <= 50; ++name) {
    ASSERT_NE(cache.find(name * 977), nullptr) << name;
    EXPECT_EQ(cache.find(name * 977)->classification.profile.fingerprint, name);
  }
}

TEST(StatementCache, ANameThatIsPreparedAgainHasItsNewClass) {
  StatementCache cache;
  cache.put(5, with_fingerprint(1));
  cache.put(5, with_fingerprint(2));
  EXPECT_EQ(cache.find(5)->classification.profile.fingerprint, 2U);
}

TEST(StatementCache, ForgetsRatherThanGrowsBeyondItsBound) {
  StatementCache cache;
  std::size_t found = 0;
  for (std::uint64_t name = 1; name <= 10'000; ++name) cache.put(name, with_fingerprint(name));
  for (std::uint64_t name = 1; name <= 10'000; ++name)
    found += cache.find(name) != nullptr ? 1U : 0U;
  EXPECT_LE(found, StatementCache::kStatementsMax);
  EXPECT_NE(cache.find(10'000), nullptr);
}

}  // namespace
}  // namespace loadline::session
