// SPDX-License-Identifier: Apache-2.0
// The engine in the scenarios of examples/scenarios. The levels are those it reaches, less a
// little: where docs/engine-evaluation.md asks for more, raise them with the engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "proxy/simulator/scenario_file.h"
#include "tests/simulation/engine_run.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 1;
constexpr SpeedLaw::Kind kKinds[] = {SpeedLaw::Kind::usl, SpeedLaw::Kind::cores};

Scenario example(const std::string& name) {
  auto scenario =
      load_scenario(std::string(LOADLINE_EXAMPLES_DIR) + "/scenarios/" + name + ".yaml");
  EXPECT_TRUE(scenario) << name;
  return scenario ? *scenario : Scenario();
}

Scenario example(const std::string& name, SpeedLaw::Kind kind) {
  Scenario scenario = example(name);
  scenario.database.kind = kind;
  return scenario;
}

struct Floor {
  const char* scenario;
  double goodput;  // Relative to the oracle's, as utility.
  double utility;
};

void PrintTo(const Floor& floor, std::ostream* out) { *out << floor.scenario; }

class ExamplesFloor : public testing::TestWithParam<Floor> {};

TEST_P(ExamplesFloor, IsReached) {
  const Floor& floor = GetParam();
  Scenario scenario = example(floor.scenario);
  // Events enough.
  if (scenario.load >= 5) scenario.length = std::min<Duration>(scenario.length, 15s);
  const EngineRun run = run_engine(scenario, kSeed);
  EXPECT_GE(run.metrics.goodput_ratio, floor.goodput);
  EXPECT_GE(run.metrics.utility_ratio, floor.utility);
  EXPECT_EQ(run.record.unfinished, 0U);
}

// drift is overload_test.cc's, and low-load has a test of its own.
INSTANTIATE_TEST_SUITE_P(
    Of, ExamplesFloor,
    testing::Values(Floor{"capacity-drop", 0.88, 0.93}, Floor{"checkpoints", 0.94, 0.96},
                    Floor{"cold-cache", 0.94, 0.94}, Floor{"cold-start-2x", 0.92, 0.92},
                    Floor{"connection-storm", 0.87, 0.88}, Floor{"freeze-5s", 0.87, 0.88},
                    Floor{"heavy-tail", 0.84, 0.87}, Floor{"hot-row", 0.93, 0.96},
                    Floor{"io-shift", 0.81, 0.88}, Floor{"lock-transactions", 0.84, 0.84},
                    Floor{"low-load-batches", 0.98, 0.98}, Floor{"mix-change", 0.76, 0.90},
                    Floor{"noisy-tenant", 0.93, 0.90}, Floor{"oltp-olap", 0.94, 0.95},
                    Floor{"replica-lag", 0.63, 0.63}, Floor{"restart", 0.90, 0.91},
                    Floor{"short-deadline", 0.89, 0.90}, Floor{"slow-trickle", 0.68, 0.68},
                    Floor{"spike-10x", 0.88, 0.84}, Floor{"steady-1.2x", 0.94, 0.96},
                    Floor{"steady-2x", 0.94, 0.94}, Floor{"steady-5x", 0.93, 0.91},
                    Floor{"steady-10x", 0.94, 0.94}),
    [](const testing::TestParamInfo<Floor>& floor) {
      std::string name;
      for (const char* c = floor.param.scenario; *c != '\0'; ++c) {
        name += *c == '-' || *c == '.' ? '_' : *c;
      }
      return name;
    });

TEST(Examples, TheMostImportantAreServedAtTwiceTheCapacity) {
  for (const SpeedLaw::Kind kind : kKinds) {
    Scenario scenario = example("steady-2x", kind);
    scenario.length = 15s;
    for (const std::uint64_t seed : {1U, 2U}) {
      EXPECT_GE(run_engine(scenario, seed).success(Tier::t0, 1, 14), 0.998) << "seed=" << seed;
    }
  }
}

TEST(Examples, TheTwoBestTiersAreServedWhileTheyFit) {
  for (const SpeedLaw::Kind kind : kKinds) {
    Scenario scenario = example("steady-1.2x", kind);
    scenario.length = 15s;
    for (const std::uint64_t seed : {1U, 2U}) {
      const EngineRun run = run_engine(scenario, seed);
      EXPECT_GE(run.success(Tier::t0, 1, 14), 0.998) << "seed=" << seed;
      EXPECT_GE(run.success(Tier::t1, 1, 14), 0.99) << "seed=" << seed;
    }
  }
}

TEST(Examples, DisturbancesAreOverWithinTwoSeconds) {
  for (const char* const name : {"spike-10x", "freeze-5s", "capacity-drop"}) {
    for (const SpeedLaw::Kind kind : kKinds) {
      const Metrics metrics = run_engine(example(name, kind), 1).metrics;
      EXPECT_THAT(metrics.recovery_s,
                  testing::Optional(testing::AllOf(testing::Ge(0), testing::Le(2))))
          << name;
    }
  }
}

TEST(Examples, TheRejectorKeepsTheQueueShort) {
  for (const char* const name : {"steady-1.2x", "steady-2x"}) {
    const Scenario scenario = example(name);
    const Metrics on = run_engine(scenario, 1).metrics;
    const Metrics off = run_engine(scenario, 1, {.rejector = Enforcement::off}).metrics;
    EXPECT_GE(off.waiting_mean, 5 * on.waiting_mean) << name;
    EXPECT_GE(on.goodput_ratio, off.goodput_ratio - 0.015) << name;
  }
}

TEST(Examples, BatchesAtHalfTheCapacityAreHardlyShed) {
  for (const SpeedLaw::Kind kind : kKinds) {
    for (const std::uint64_t seed : {1U, 2U}) {
      const Metrics metrics = run_engine(example("low-load-batches", kind), seed).metrics;
      EXPECT_THAT(metrics.false_sheds, testing::Optional(testing::Le(0.002))) << "seed=" << seed;
    }
  }
}

TEST(Examples, NothingIsShedOnAQuietDay) {
  for (const SpeedLaw::Kind kind : kKinds) {
    Scenario scenario = example("low-load", kind);
    scenario.length = 10s;
    const EngineRun run = run_engine(scenario, 1);
    EXPECT_EQ(run.record.shed, 0U);
    EXPECT_GT(run.metrics.goodput_ratio, 0.999);
  }
}

TEST(Examples, ANoisyTenantLeavesSomethingToTheOthers) {
  EXPECT_THAT(run_engine(example("noisy-tenant"), 1).metrics.jain,
              testing::Optional(testing::Ge(0.93)));
}

}  // namespace
}  // namespace loadline::simulator
