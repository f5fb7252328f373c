// SPDX-License-Identifier: Apache-2.0
#include "proxy/state/saved_limits.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace loadline::state {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds kNow{1'763'724'000s};
constexpr GateOptions kAutomatic = {.limit_initial = 20, .limit_min = 4, .limit_max = 100};

SavedLimits two() {
  return {.saved_at = kNow,
          .limits = {{.upstream = "main", .address = "10.0.0.5:5432", .limit = 37.25},
                     {.upstream = "reports", .address = "unix:/run/pg", .limit = 8}}};
}

// A file with these members behind the format.
std::string file_with(const std::string& members) {
  return R"({"format": "loadline-state-1", )" + members + "}";
}

StateProblem problem_of(const std::string& text) {
  const auto parsed = parse_saved_limits(text, kNow);
  EXPECT_FALSE(parsed) << text;
  return parsed ? StateProblem::too_old : parsed.error();
}

tl::expected<std::uint32_t, LimitProblem> begin_from(double limit,
                                                     const GateOptions& options = kAutomatic) {
  const SavedLimits saved = {.saved_at = kNow,
                             .limits = {{.upstream = "main", .address = "a:1", .limit = limit}}};
  return limit_to_begin_from(saved, {.name = "main", .address = "a:1"}, options);
}

TEST(SavedLimits, WhatIsWrittenIsRead) {
  const auto parsed = parse_saved_limits(to_text(two()), kNow);
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(*parsed, two());
  const SavedLimits none = {.saved_at = kNow, .limits = {}};
  EXPECT_EQ(parse_saved_limits(to_text(none), kNow), none);
}

TEST(SavedLimits, AnyCutOfTheFileIsRefused) {
  const std::string whole = to_text(two());
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {  // The last is the line's end.
    EXPECT_EQ(problem_of(whole.substr(0, size)), StateProblem::not_json) << size;
  }
}

TEST(SavedLimits, WhatIsNoStateFileIsRefused) {
  EXPECT_EQ(problem_of("listeners: [{listen: x}]\n"), StateProblem::not_json);
  EXPECT_EQ(problem_of(std::string("\0\xff\xfe", 3)), StateProblem::not_json);
  for (const char* text : {"{}", "[]", "null", "7", R"("loadline-state-1")", R"({"format": 1})",
                           R"({"format": "loadline-state-2"})"}) {
    EXPECT_EQ(problem_of(text), StateProblem::other_format) << text;
  }
  EXPECT_EQ(problem_of(std::string(kStateSizeMax + 1, ' ')), StateProblem::other_format);
  // Deep nesting must not exhaust the stack.
  EXPECT_EQ(problem_of(std::string(kStateSizeMax, '[')), StateProblem::not_json);
  constexpr std::size_t kHalf = kStateSizeMax / 2;
  EXPECT_EQ(problem_of(std::string(kHalf, '[') + std::string(kHalf, ']')),
            StateProblem::other_format);
}

TEST(SavedLimits, WhatIsIncompleteOrOfAnotherTypeIsRefused) {
  const std::string time = R"("saved_at_unix_seconds": 1763724000)";
  for (const std::string& members : {
           std::string(R"("upstreams": [])"),
           time,
           time + R"(, "upstreams": {})",
           std::string(R"("saved_at_unix_seconds": -5, "upstreams": [])"),
           std::string(R"("saved_at_unix_seconds": 1.5, "upstreams": [])"),
           std::string(R"("saved_at_unix_seconds": "now", "upstreams": [])"),
           time + R"(, "upstreams": [7])",
           time + R"(, "upstreams": [{"name": "m", "address": "a:1"}])",
           time + R"(, "upstreams": [{"name": "m", "address": "a:1", "limit": "9"}])",
           time + R"(, "upstreams": [{"name": "m", "address": "a:1", "limit": null}])",
           time + R"(, "upstreams": [{"name": 1, "address": "a:1", "limit": 9}])",
           time + R"(, "upstreams": [{"name": "m", "address": [], "limit": 9}])",
       }) {
    EXPECT_EQ(problem_of(file_with(members)), StateProblem::incomplete) << members;
  }
  // A number that no double holds.
  EXPECT_EQ(problem_of(file_with(
                time + R"(, "upstreams": [{"name": "m", "address": "a:1", "limit": 1e999}])")),
            StateProblem::not_json);
}

TEST(SavedLimits, KeysOfLaterVersionsAreIgnored) {
  EXPECT_TRUE(parse_saved_limits(
      file_with(R"("saved_at_unix_seconds": 1763724000, "more": {}, "upstreams": [)"
                R"({"name": "m", "address": "a:1", "limit": 9, "law": "knee"}])"),
      kNow));
}

TEST(SavedLimits, TheAgeHasBounds) {
  const std::string text = to_text(two());
  EXPECT_TRUE(parse_saved_limits(text, kNow + 24h));
  EXPECT_EQ(parse_saved_limits(text, kNow + 24h + 1s).error(), StateProblem::too_old);
  EXPECT_TRUE(parse_saved_limits(text, kNow - 1min));
  EXPECT_EQ(parse_saved_limits(text, kNow - 61s).error(), StateProblem::from_the_future);
  EXPECT_EQ(problem_of(file_with(R"("saved_at_unix_seconds": 0, "upstreams": [])")),
            StateProblem::too_old);
  EXPECT_EQ(
      problem_of(file_with(R"("saved_at_unix_seconds": 18446744073709551615, "upstreams": [])")),
      StateProblem::from_the_future);
}

TEST(SavedLimits, AnUpstreamBeginsFromItsOwn) {
  const SavedLimits saved = two();
  EXPECT_EQ(limit_to_begin_from(saved, {.name = "main", .address = "10.0.0.5:5432"}, kAutomatic),
            37u);
  EXPECT_EQ(limit_to_begin_from(saved, {.name = "reports", .address = "unix:/run/pg"}, kAutomatic),
            8u);
  EXPECT_EQ(
      limit_to_begin_from(saved, {.name = "other", .address = "10.0.0.5:5432"}, kAutomatic).error(),
      LimitProblem::not_saved);
  EXPECT_EQ(
      limit_to_begin_from(saved, {.name = "main", .address = "10.0.0.6:5432"}, kAutomatic).error(),
      LimitProblem::other_address);
}

TEST(SavedLimits, OnlyWhatIsWithinTheBoundsIsBegunFrom) {
  EXPECT_EQ(begin_from(4), 4u);
  EXPECT_EQ(begin_from(100), 100u);
  EXPECT_EQ(begin_from(99.6), 100u);
  for (const double limit :
       {3.999, 100.001, 0.0, -20.0, 1e300, std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    const auto found = begin_from(limit);
    ASSERT_FALSE(found) << limit;
    EXPECT_EQ(found.error(), LimitProblem::out_of_bounds) << limit;
  }
}

TEST(SavedLimits, AFixedLimitStaysAsItIs) {
  GateOptions fixed = kAutomatic;
  fixed.limit_mode = LimitMode::fixed;
  EXPECT_EQ(begin_from(50, fixed).error(), LimitProblem::not_automatic);
  for (const LimitMode mode : {LimitMode::automatic, LimitMode::aimd, LimitMode::vegas,
                               LimitMode::gradient2, LimitMode::correlation}) {
    GateOptions options = kAutomatic;
    options.limit_mode = mode;
    EXPECT_EQ(begin_from(50, options), 50u);
  }
}

TEST(SavedLimits, EveryProblemHasWords) {
  for (int i = 0; i <= static_cast<int>(StateProblem::too_old); ++i) {
    EXPECT_FALSE(to_string(static_cast<StateProblem>(i)).empty());
  }
  for (int i = 0; i <= static_cast<int>(LimitProblem::out_of_bounds); ++i) {
    EXPECT_FALSE(to_string(static_cast<LimitProblem>(i)).empty());
  }
}

}  // namespace
}  // namespace loadline::state
