// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/run_cells.h"

#include <gtest/gtest.h>

namespace loadline::simulator {
namespace {

std::vector<Cell> cells() {
  Scenario scenario;
  scenario.length = std::chrono::seconds(1);
  std::vector<Cell> out;
  for (const char* const name : {"default", "none", "vegas", "fifo-short", "token-bucket"}) {
    out.push_back({.policy = *parse_policy(name), .scenario = scenario, .seeds = {1, 2}});
  }
  return out;
}

TEST(RunCells, ThreadsChangeNothing) {
  const std::vector<ReportRow> one = run_cells(cells(), 1);
  ASSERT_EQ(one.size(), 5U);
  EXPECT_EQ(one[1].result.policy.name, "none");
  EXPECT_EQ(one[1].result.runs.size(), 2U);
  EXPECT_EQ(to_json(run_cells(cells(), 3)), to_json(one));
  EXPECT_EQ(to_json(run_cells(cells(), 100)), to_json(one)) << "more than there are cells";
}

TEST(RunCells, NothingIsFine) { EXPECT_TRUE(run_cells({}, 4).empty()); }

TEST(RunCells, StaticBestIsTheBestOfItsLimits) {
  Cell cell = cells().front();
  cell.scenario.load = 2;
  cell.scenario.connections = 12;
  cell.policy = *parse_policy("static-best");
  const CellResult best = run_cells({cell}, 1).front().result;
  EXPECT_EQ(best.policy.name, "static-best (limit 12)");
  cell.policy = fixed_limit_policy(4);
  EXPECT_GT(best.runs.front().metrics.goodput_ratio,
            run_cell(cell).runs.front().metrics.goodput_ratio);
}

}  // namespace
}  // namespace loadline::simulator
