// SPDX-License-Identifier: Apache-2.0
#include "proxy/sql/comment_tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/unit/proxy/sql/dialects.h"

namespace loadline::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<CommentTag> tags_of(std::string_view text, const Dialect& dialect = kPostgres) {
  const StatementScan found = scan(text, dialect);
  return {found.found_tags().begin(), found.found_tags().end()};
}

std::string decoded(std::string_view encoded, std::size_t buffer_size = 64) {
  std::vector<char> buffer(buffer_size);
  return std::string(decode_tag_value(encoded, buffer));
}

TEST(CommentTags, SqlcommenterTagsAreFound) {
  EXPECT_THAT(tags_of("SELECT a /*action='%2Fpay',tenant='acme%20co'*/"),
              ElementsAre(CommentTag{"action", "%2Fpay"}, CommentTag{"tenant", "acme%20co"}));
}

TEST(CommentTags, PeopleMayWriteThemWithSpaces) {
  EXPECT_THAT(tags_of("/* priority='t1', tenant = \"acme\" */ SELECT a"),
              ElementsAre(CommentTag{"priority", "t1"}, CommentTag{"tenant", "acme"}));
}

TEST(CommentTags, MarginaliaTagsAreFound) {
  EXPECT_THAT(tags_of("SELECT a /*application:shop,line:/app/x.rb:12:in `pay it'*/"),
              ElementsAre(CommentTag{"application", "shop"},
                          CommentTag{"line", "/app/x.rb:12:in `pay it'"}));
}

TEST(CommentTags, BareValuesEndAtASpace) {
  EXPECT_THAT(tags_of("/* priority=t1 please, tenant=acme */"),
              ElementsAre(CommentTag{"priority", "t1"}, CommentTag{"tenant", "acme"}));
}

TEST(CommentTags, EveryCommentOfTheTextCounts) {
  EXPECT_THAT(tags_of("/*a='1'*/ SELECT /*b='2'*/ x /*c='3'*/"),
              ElementsAre(CommentTag{"a", "1"}, CommentTag{"b", "2"}, CommentTag{"c", "3"}));
}

TEST(CommentTags, CommasAndEscapedQuotesMayStandInAQuotedValue) {
  EXPECT_THAT(tags_of(R"(/*a='x,y=\'z\'',b='2'*/)"),
              ElementsAre(CommentTag{"a", R"(x,y=\'z\')"}, CommentTag{"b", "2"}));
}

TEST(CommentTags, WhatIsNoTagIsSkipped) {
  EXPECT_THAT(tags_of("/* see the docs */ SELECT a"), IsEmpty());
  EXPECT_THAT(tags_of("/* todo, priority='t1' */"), ElementsAre(CommentTag{"priority", "t1"}));
  EXPECT_THAT(tags_of("/* my priority='t1' */"), IsEmpty());
  EXPECT_THAT(tags_of("/* a='unclosed */"), IsEmpty());
  EXPECT_THAT(tags_of("/* ='1', , =, a */"), IsEmpty());
  EXPECT_THAT(tags_of("/**/"), IsEmpty());
}

TEST(CommentTags, AnEmptyValueIsATag) {
  EXPECT_THAT(tags_of("/*a='',b=,c='1'*/"),
              ElementsAre(CommentTag{"a", ""}, CommentTag{"b", ""}, CommentTag{"c", "1"}));
}

TEST(CommentTags, HintsAreNoTags) { EXPECT_THAT(tags_of("/*+ a='1' */ SELECT a"), IsEmpty()); }

TEST(CommentTags, OnlyCommentsHoldTags) {
  EXPECT_THAT(tags_of("SELECT '/*a=1*/'"), IsEmpty());
  EXPECT_THAT(tags_of("SELECT 'it''s /*a=1*/'"), IsEmpty());
  EXPECT_THAT(tags_of(R"(SELECT E'\'/*a=1*/')"), IsEmpty());
  EXPECT_THAT(tags_of("SELECT \"/*a=1*/\""), IsEmpty());
  EXPECT_THAT(tags_of("SELECT U&\"/*a=1*/\""), IsEmpty());
  EXPECT_THAT(tags_of("SELECT $$/*a=1*/$$"), IsEmpty());
  EXPECT_THAT(tags_of("SELECT $x$ $$/*a=1*/$$ $x$"), IsEmpty());
  EXPECT_THAT(tags_of("SELECT 1 -- /*a=1*/"), IsEmpty());
  EXPECT_THAT(tags_of("SELECT `/*a=1*/`", kMysql), IsEmpty());
  EXPECT_THAT(tags_of("SELECT 1 # /*a=1*/", kMysql), IsEmpty());
  EXPECT_THAT(tags_of(R"(SELECT '\'/*a=1*/')", kMysql), IsEmpty());
}

TEST(CommentTags, AnUnterminatedCommentHasNone) {
  EXPECT_THAT(tags_of("SELECT a /*a='1',b='2'"), IsEmpty());
  EXPECT_THAT(tags_of("SELECT a /*a='1' /* b='2' */"), IsEmpty());
}

TEST(CommentTags, MoreThanTheMostAreDropped) {
  std::string text = "/*";
  for (int i = 0; i < 20; ++i) text += "k" + std::to_string(i) + "='v',";
  text += "*/";  // The tags are views into it.
  const auto tags = tags_of(text);
  ASSERT_EQ(tags.size(), kTagsMax);
  EXPECT_EQ(tags.back().key, "k7");
}

TEST(DecodeTagValue, UndoesPercentAndBackslash) {
  EXPECT_EQ(decoded("plain"), "plain");
  EXPECT_EQ(decoded("acme%20co"), "acme co");
  EXPECT_EQ(decoded("%41%6a%4A"), "AjJ");
  EXPECT_EQ(decoded("a+b"), "a+b");
  EXPECT_EQ(decoded(R"(it\'s)"), "it's");
}

TEST(DecodeTagValue, LeavesInvalidEscapesAlone) {
  EXPECT_EQ(decoded("100%"), "100%");
  EXPECT_EQ(decoded("%4"), "%4");
  EXPECT_EQ(decoded("%zz%41"), "%zzA");
  EXPECT_EQ(decoded("a\\"), "a\\");
}

TEST(DecodeTagValue, CutsToTheBuffer) {
  EXPECT_EQ(decoded("abcdef", 3), "abc");
  EXPECT_EQ(decoded("%41%42%43", 2), "AB");
  EXPECT_EQ(decoded("%41", 0), "");
}

}  // namespace
}  // namespace loadline::sql
