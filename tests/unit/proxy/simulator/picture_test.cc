// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

TEST(Picture, HasALineForEachPolicyAndRepeats) {
  Scenario scenario;
  scenario.name = "<&>";
  scenario.length = std::chrono::seconds(1);
  std::vector<ReportRow> rows;
  for (const char* const name : {"default", "none"}) {
    const Cell cell = {.policy = *parse_policy(name), .scenario = scenario, .seeds = {1}};
    rows.push_back({.cell = cell, .result = run_cell(cell)});
  }
  const std::string picture = to_picture(rows);
  EXPECT_THAT(picture, testing::StartsWith("<svg "));
  EXPECT_THAT(picture, testing::EndsWith("</svg>\n"));
  EXPECT_THAT(picture, testing::HasSubstr("&lt;&amp;>, usl database"));
  EXPECT_THAT(picture, testing::HasSubstr(">none</text>"));
  EXPECT_THAT(picture, testing::Not(testing::HasSubstr("nan")));
  EXPECT_THAT(picture, testing::Not(testing::HasSubstr("inf")));
  EXPECT_EQ(to_picture(rows), picture);
  EXPECT_EQ(to_picture({}), "");
}

}  // namespace
}  // namespace loadline::simulator
