// SPDX-License-Identifier: Apache-2.0
// Outside signals in a closed loop: a replica that falls behind, and the engine that is told of it.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/simulator/gate_admitter.h"
#include "proxy/simulator/policy.h"
#include "proxy/simulator/scenario_file.h"
#include "proxy/simulator/simulation.h"
#include "tests/simulation/engine_run.h"

namespace loadline::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeeds = 3;
constexpr double kSetpoint = 5;
constexpr std::size_t kReads = 0;
constexpr std::size_t kWrites = 1;

GateOptions with_replica_lag() {
  GateOptions options;
  options.signals = {{.name = "replica_lag",
                      .setpoint = kSetpoint,
                      .hard = 30,
                      .reads = false,
                      .plant = SignalPlant::integrating}};
  return options;
}

// Well below what the database can do: what is shed is shed for the replica, which applies `share`
// of the writes that are offered. t0 and t1 are 30% of them.
Scenario slow_replica(double share) {
  constexpr double kLoad = 0.25;  // Each, of what the database can do.
  Scenario scenario;
  scenario.length = 300s;
  scenario.replica = {.apply_speed = share * kLoad * knee_of(scenario.database).speed, .poll = 1s};
  const TierShares tiers = {0.1, 0.2, 0.2, 0.2, 0.2, 0.1};
  scenario.classes = {
      {.name = "reads", .load = kLoad, .tiers = tiers},
      {.name = "writes", .load = kLoad, .operation = OperationClass::write, .tiers = tiers}};
  return scenario;
}

// Hands the gate readings of its one signal at moments of the run.
class ReadingsAt final : public Admitter {
 public:
  ReadingsAt(GateAdmitter& gate, std::vector<std::pair<Duration, double>> readings)
      : gate_(gate), readings_(std::move(readings)) {}

  Verdict offer(std::uint32_t operation, const OperationProfile& profile, TimePoint now) override {
    return heard(gate_.offer(operation, profile, now));
  }
  void complete(std::uint32_t operation, Outcome outcome, TimePoint now) override {
    gate_.complete(operation, outcome, now);
    (void)heard(0);
  }
  bool abandon(std::uint32_t operation, TimePoint now) override {
    return heard(gate_.abandon(operation, now));
  }
  void hold(std::uint32_t operation, TimePoint now) override {
    gate_.hold(operation, now);
    (void)heard(0);
  }
  void resume(std::uint32_t operation, TimePoint now) override { gate_.resume(operation, now); }
  TimePoint tick(TimePoint now) override {
    if (!began_at_) began_at_ = now;
    while (next_ < readings_.size() && now - *began_at_ >= readings_[next_].first) {
      gate_.on_signal("disk", readings_[next_++].second, now);
    }
    return heard(gate_.tick(now));
  }
  bool take_wake_request() override { return gate_.take_wake_request(); }
  double limit() const override { return gate_.limit(); }

 private:
  template <typename Answer>
  Answer heard(Answer answer) {
    for (const Late& late : gate_.late()) late_.push_back(late);
    gate_.late().clear();
    return answer;
  }

  GateAdmitter& gate_;
  std::vector<std::pair<Duration, double>> readings_;
  std::size_t next_ = 0;
  std::optional<TimePoint> began_at_;
};

std::uint64_t shed(const EngineRun& run, std::size_t load_class, Tier tier) {
  return run.record.shed_by_group.at(load_class * kTierCount + static_cast<std::size_t>(tier));
}

std::uint64_t reads_shed(const EngineRun& run) {
  std::uint64_t sum = 0;
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    sum += shed(run, kReads, static_cast<Tier>(tier));
  }
  return sum;
}

TEST(ReplicaLag, SettlesUnderTheSetpointAndStaysThere) {
  for (const double share : {1.0 / 3, 2.0 / 3}) {
    for (const std::uint32_t attempts : {1U, 3U}) {
      for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("share=" + std::to_string(share) + " attempts=" + std::to_string(attempts) +
                     " seed=" + std::to_string(seed));
        Scenario scenario = slow_replica(share);
        scenario.clients.attempts = attempts;
        const EngineRun run = run_engine(scenario, seed, with_replica_lag());
        ASSERT_TRUE(run.metrics.replica);
        EXPECT_LT(run.metrics.replica->lag_late_s, kSetpoint);
        EXPECT_GT(run.metrics.replica->lag_late_s, 0.5 * kSetpoint) << "no more than is needed";
        EXPECT_LT(run.metrics.replica->write_deviation, 0.06) << "a limit cycle";
        EXPECT_LT(run.metrics.replica->lag_max_s, 6 * kSetpoint) << "on the way there";
        EXPECT_EQ(reads_shed(run), 0U);
        EXPECT_EQ(shed(run, kWrites, Tier::t0), 0U);
      }
    }
  }
}

TEST(ReplicaLag, TheImportantAreUntouchedWhileOthersSuffice) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    // 30% of the writes are t0 and t1. Once it has settled that is less than a replica applies that
    // can do a third, and before it if it can do two thirds.
    const EngineRun little = run_engine(slow_replica(1.0 / 3), seed, with_replica_lag());
    EXPECT_GE(little.success(Tier::t1, 150, 299), 0.999);
    const EngineRun more = run_engine(slow_replica(2.0 / 3), seed, with_replica_lag());
    for (const Tier tier : {Tier::t0, Tier::t1, Tier::t2}) EXPECT_EQ(shed(more, kWrites, tier), 0U);
    EXPECT_GT(shed(more, kWrites, Tier::t5), 10'000U);
  }
}

TEST(ReplicaLag, AReplicaThatKeepsUpCostsNobodyAnything) {
  const EngineRun run = run_engine(slow_replica(1.2), 1, with_replica_lag());
  EXPECT_EQ(run.record.shed, 0U);
  EXPECT_LT(run.metrics.replica->lag_max_s, 0.5);
}

// Replay stands nearly still for 12 s, then goes on: examples/scenarios/replica-lag.yaml.
TEST(ReplicaLag, ReturnsUnderTheSetpointAfterAStop) {
  const std::string examples = LOADLINE_EXAMPLES_DIR;
  const auto policy = parse_policy(examples + "/5-replica-lag.yaml");
  const auto scenario = load_scenario(examples + "/scenarios/replica-lag.yaml");
  ASSERT_TRUE(policy && scenario);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    const EngineRun with = run_engine(*scenario, seed, policy->options);
    const EngineRun without = run_engine(*scenario, seed);
    EXPECT_GT(with.metrics.replica->lag_max_s, 8) << "it is told a lag of 10 s";
    EXPECT_LT(with.metrics.replica->lag_late_s, 2);
    EXPECT_GT(without.metrics.replica->lag_late_s, 2) << "with nobody to help it";
    // Those of the first two seconds, when the limit isn't known.
    EXPECT_EQ(reads_shed(with), reads_shed(without));
    EXPECT_EQ(shed(with, kWrites, Tier::t0), shed(without, kWrites, Tier::t0));
    EXPECT_GT(with.metrics.goodput_ratio, without.metrics.goodput_ratio);
  }
}

// A signal that sheds all writes, in an overload that is one of reads alone, too: the rejector
// looks at what is left over, and takes over again at once when the signal lets go.
TEST(Signals, AndTheRejectorDoNotStandInEachOthersWay) {
  Scenario scenario;
  scenario.length = 40s;
  scenario.clients.attempts = 1;
  scenario.classes = {{.name = "reads", .load = 2},
                      {.name = "writes", .load = 2, .operation = OperationClass::write}};
  GateOptions options;
  options.signals = {{.name = "disk",
                      .setpoint = 80,
                      .hard = 90,
                      .reads = false,
                      .ttl = 5s,
                      .stale = SignalStale::ignore}};
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    GateAdmitter admitter(options, scenario.connections, seed);
    // At hard from 10 s to 20 s, then fine.
    ReadingsAt readings(admitter,
                        {{10s, 95}, {14s, 95}, {18s, 95}, {20s, 50}, {24s, 50}, {28s, 50}});
    const Record record = Simulation(scenario, readings, seed).run();
    const double capacity = capacity_per_s(scenario);
    const auto goodput = [&](std::size_t from, std::size_t to) {
      double good = 0;
      for (std::size_t i = from * 10; i < to * 10; ++i) good += record.moments.at(i).good;
      return good / static_cast<double>(to - from);
    };
    EXPECT_GT(goodput(11, 20), 0.85 * capacity) << "reads alone keep it busy";
    EXPECT_GT(goodput(20, 22), 0.8 * capacity) << "as the signal lets go";
    EXPECT_GT(goodput(25, 40), 0.85 * capacity);
    // But for the first second, when neither the limit nor the rejector knows anything yet.
    EXPECT_LT(record.waiting.quantile(0.95), 100U);
  }
}

}  // namespace
}  // namespace loadline::simulator
