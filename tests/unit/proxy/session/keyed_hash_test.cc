// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace loadline::session {
namespace {

TEST(KeyedHash, DependsOnEveryByteAndOnTheSize) {
  std::set<std::uint64_t> hashes;
  std::string text(20, 'a');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = 'b';
    hashes.insert(keyed_hash(changed, 1));
    hashes.insert(keyed_hash(text.substr(0, i), 1));
    hashes.insert(keyed_hash(text.substr(0, i) + '\0', 1));
  }
  EXPECT_EQ(hashes.size(), 3 * text.size());
}

TEST(KeyedHash, DependsOnTheKey) {
  EXPECT_NE(keyed_hash("acme", 1), keyed_hash("acme", 2));
  EXPECT_EQ(keyed_hash("acme", 1), keyed_hash("acme", 1));
}

}  // namespace
}  // namespace loadline::session
