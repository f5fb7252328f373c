// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/metrics.h"
#include "proxy/simulator/policy.h"
#include "proxy/simulator/record.h"
#include "proxy/simulator/scenario.h"

namespace loadline::simulator {

// One policy in one scenario, over several seeds.
struct Cell {
  Policy policy = {};
  Scenario scenario = {};
  std::vector<std::uint64_t> seeds = {};
};

struct RunResult {
  std::uint64_t seed = 0;
  Metrics metrics = {};
  Record record = {};
};

struct CellResult {
  Policy policy = {};                // For static_best: the best of its policies.
  std::vector<RunResult> runs = {};  // In the order of the seeds.
};

// The same cell gives the same result, whatever else runs. No I/O.
[[nodiscard]] CellResult run_cell(const Cell& cell);

[[nodiscard]] RunResult run_once(const Policy& policy, const Scenario& scenario,
                                 std::uint64_t seed);

}  // namespace loadline::simulator
