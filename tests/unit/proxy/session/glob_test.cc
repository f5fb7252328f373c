// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace loadline::session {
namespace {

TEST(Glob, PlainTextMatchesItself) {
  EXPECT_TRUE(glob_matches("checkout", "checkout"));
  EXPECT_FALSE(glob_matches("checkout", "Checkout"));
  EXPECT_FALSE(glob_matches("checkout", "checkout2"));
  EXPECT_FALSE(glob_matches("checkout", "check"));
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_FALSE(glob_matches("a", ""));
}

TEST(Glob, AStarIsAnyRunOfCharacters) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("*", "anything"));
  EXPECT_TRUE(glob_matches("check*", "check"));
  EXPECT_TRUE(glob_matches("check*", "checkout"));
  EXPECT_TRUE(glob_matches("*out", "checkout"));
  EXPECT_FALSE(glob_matches("*out", "checkouts"));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(glob_matches("a*b*c", "a-c-b"));
  EXPECT_TRUE(glob_matches("**a**", "bab"));
  EXPECT_TRUE(glob_matches("*aab", "aaaab"));
}

TEST(Glob, AQuestionMarkIsOneCharacterOfAnySize) {
  EXPECT_TRUE(glob_matches("t?", "t1"));
  EXPECT_FALSE(glob_matches("t?", "t"));
  EXPECT_FALSE(glob_matches("t?", "t12"));
  EXPECT_TRUE(glob_matches("caf?", "caf\xc3\xa9"));
  EXPECT_FALSE(glob_matches("caf??", "caf\xc3\xa9"));
  EXPECT_TRUE(glob_matches("*?b",
                           "\xf0\x9f\x98\x80"
                           "b"));
  EXPECT_TRUE(glob_matches("?", "\xf0\x9f"));  // A character cut off.
}

TEST(Glob, OtherCharactersOfShellPatternsAreThemselves) {
  EXPECT_TRUE(glob_matches("[ab]", "[ab]"));
  EXPECT_FALSE(glob_matches("[ab]", "a"));
  EXPECT_TRUE(glob_matches("a\\*", "a\\b"));
}

// Exponential in a naive matcher: this test would not end.
TEST(Glob, ManyStarsTakeNoLongerThanTheProductOfTheSizes) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(10'000, 'a')));
  EXPECT_TRUE(glob_matches(pattern, std::string(10'000, 'a')));
}

}  // namespace
}  // namespace loadline::session
