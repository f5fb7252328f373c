// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/cell.h"

#include <utility>

#include "proxy/simulator/oracle.h"
#include "proxy/simulator/simulation.h"

namespace loadline::simulator {
namespace {

CellResult run_seeds(const Policy& policy, const Cell& cell) {
  CellResult result = {.policy = policy};
  for (const std::uint64_t seed : cell.seeds) {
    result.runs.push_back(run_once(policy, cell.scenario, seed));
  }
  return result;
}

double goodput_of(const CellResult& result) {
  double sum = 0;
  for (const RunResult& run : result.runs) sum += run.metrics.goodput_ratio;
  return sum;
}

}  // namespace

RunResult run_once(const Policy& policy, const Scenario& scenario, std::uint64_t seed) {
  const auto admitter = make_admitter(policy, scenario, seed);
  RunResult result = {.seed = seed};
  result.record = Simulation(scenario, *admitter, seed).run();
  result.metrics =
      metrics_of(scenario, result.record, oracle_bounds(scenario, result.record.arrivals));
  return result;
}

CellResult run_cell(const Cell& cell) {
  if (cell.policy.kind != Policy::Kind::static_best) return run_seeds(cell.policy, cell);
  CellResult best;
  for (const std::uint32_t limit : kStaticLimits) {
    if (limit > cell.scenario.connections) break;
    CellResult result = run_seeds(fixed_limit_policy(limit), cell);
    if (best.runs.empty() || goodput_of(result) > goodput_of(best)) best = std::move(result);
  }
  best.policy.name = cell.policy.name + " (" + best.policy.name + ")";
  return best;
}

}  // namespace loadline::simulator
