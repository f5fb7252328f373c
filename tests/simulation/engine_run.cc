// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/engine_run.h"

#include <algorithm>

#include "proxy/simulator/gate_admitter.h"
#include "proxy/simulator/oracle.h"
#include "proxy/simulator/simulation.h"

namespace loadline::simulator {
namespace {

constexpr std::size_t kMomentsPerSecond = std::chrono::seconds(1) / kMomentLength;

template <typename Get>
double sum_of(const Record& record, std::size_t from, std::size_t to, const Get& get) {
  double sum = 0;
  for (std::size_t i = from * kMomentsPerSecond; i < to * kMomentsPerSecond; ++i) {
    sum += get(record.moments.at(i));
  }
  return sum;
}

}  // namespace

double EngineRun::goodput(std::size_t from, std::size_t to) const {
  const double good = sum_of(record, from, to, [](const Moment& m) { return m.good; });
  return good / static_cast<double>(to - from);
}

double EngineRun::success(Tier tier, std::size_t from, std::size_t to) const {
  double offered = 0;
  double good = 0;
  for (std::size_t i = from; i < to; ++i) {
    const GroupCount& count = record.tiers_by_second.at(i)[static_cast<std::size_t>(tier)];
    offered += static_cast<double>(count.offered);
    good += static_cast<double>(count.good);
  }
  return good / std::max(offered, 1.0);
}

double EngineRun::limit_mean(std::size_t from, std::size_t to) const {
  const double sum = sum_of(record, from, to, [](const Moment& m) { return m.limit; });
  return sum / static_cast<double>((to - from) * kMomentsPerSecond);
}

EngineRun run_engine(const Scenario& scenario, std::uint64_t seed, const GateOptions& options) {
  GateAdmitter admitter(options, scenario.connections, seed);
  EngineRun run;
  run.record = Simulation(scenario, admitter, seed).run();
  run.metrics = metrics_of(scenario, run.record, oracle_bounds(scenario, run.record.arrivals));
  run.end = admitter.gate().snapshot();
  return run;
}

}  // namespace loadline::simulator
