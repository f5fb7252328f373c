// SPDX-License-Identifier: Apache-2.0
// A gate before a simulated database: what is refused, capped and kept apart under load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "tests/unit/shedder/gate_fixture.h"

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::IsEmpty;
using State = Operation::State;
using Kind = Verdict::Kind;

// Executes what the gate admits: each statement takes its time, whatever else is under way.
class Database {
 public:
  explicit Database(const GateOptions& options) : t_(options) {}

  // Offers as the rates say and lets milliseconds pass.
  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds(1)) {
      complete_due();
      for (Source& source : sources) {
        source.due += source.per_second / 1000;
        for (; source.due >= 1; source.due -= 1) offer(source.profile);
      }
      if (now < tick_due_) continue;
      tick_due_ = std::min(now + milliseconds(10), gate().tick(now));
      hear();
    }
  }
  Operation& offer(const OperationProfile& profile) {
    Operation* operation = nullptr;
    if (idle_.empty()) {
      operation = &t_.operation();
    } else {
      operation = idle_.back();
      idle_.pop_back();
    }
    ++offered[profile.fingerprint];
    const Verdict verdict = gate().offer(*operation, profile, now);
    EXPECT_EQ(std::count(t_.sink.decided.begin(), t_.sink.decided.end(), operation), 0)
        << "what offer() returns isn't heard as well";
    if (verdict.kind == Kind::admit) admitted(*operation);
    if (verdict.kind == Kind::shed) refused(*operation);
    hear();
    return *operation;
  }
  // Lets the oldest active one of `fingerprint` end.
  void complete_one(std::uint64_t fingerprint) {
    for (auto& [at, operation] : under_way_) {
      if (operation->profile().fingerprint != fingerprint) continue;
      Operation& ended = *operation;
      under_way_.erase(under_way_.find(at));
      complete(ended);
      return;
    }
    FAIL() << "none is active";
  }
  [[nodiscard]] std::uint32_t active(std::uint64_t fingerprint) { return active_[fingerprint]; }
  [[nodiscard]] Gate& gate() { return t_.gate; }
  void forget_counts() {
    offered.clear();
    admitted_count.clear();
    shed.clear();
    active_max.clear();
  }

  struct Source {
    OperationProfile profile;
    double per_second = 0;
    double due = 0;
  };
  std::vector<Source> sources;
  std::map<std::uint64_t, Duration> service;  // By fingerprint.
  TimePoint now = kStart;

  // By fingerprint.
  std::map<std::uint64_t, std::uint64_t> offered;
  std::map<std::uint64_t, std::uint64_t> admitted_count;
  std::map<std::uint64_t, std::map<ShedReason, std::uint64_t>> shed;
  std::map<std::uint64_t, std::uint32_t> active_max;

 private:
  void admitted(Operation& operation) {
    const std::uint64_t fingerprint = operation.profile().fingerprint;
    ++admitted_count[fingerprint];
    active_max[fingerprint] = std::max(active_max[fingerprint], ++active_[fingerprint]);
    under_way_.emplace(std::pair(now + service[fingerprint], next_number_++), &operation);
  }
  void refused(Operation& operation) {
    ++shed[operation.profile().fingerprint][operation.verdict().reason];
    idle_.push_back(&operation);
  }
  void complete(Operation& operation) {
    --active_[operation.profile().fingerprint];
    gate().complete(operation, Outcome::ok, now);
    idle_.push_back(&operation);
    hear();
  }
  void complete_due() {
    while (!under_way_.empty() && under_way_.begin()->first.first <= now) {
      Operation& operation = *under_way_.begin()->second;
      under_way_.erase(under_way_.begin());
      complete(operation);
    }
  }
  void hear() {
    for (Operation* const operation : t_.sink.decided) {
      if (operation->state() == State::active) {
        admitted(*operation);
      } else {
        refused(*operation);
      }
    }
    t_.sink.decided.clear();
  }

  GateFixture t_;
  std::map<std::pair<TimePoint, std::uint64_t>, Operation*> under_way_;
  std::uint64_t next_number_ = 0;
  std::map<std::uint64_t, std::uint32_t> active_;
  std::vector<Operation*> idle_;
  TimePoint tick_due_ = kStart;
};

constexpr std::uint64_t kHot = 100;

// Ten kinds of statements of 5 ms, one of which begins to wait for a row.
void heat(Database& database) {
  for (std::uint64_t kind = 0; kind < 10; ++kind) {
    database.sources.push_back({.profile = {.fingerprint = kHot + kind}, .per_second = 300});
    database.service[kHot + kind] = milliseconds(5);
  }
  database.run(seconds(5));
  ASSERT_EQ(database.gate().snapshot().capped_fingerprints, 0U);
  database.service[kHot] = milliseconds(200);
  database.run(seconds(10));
}

TEST(GateOverload, AHotStatementIsCappedAndTheOthersAreServed) {
  Database database(fixed_limit(40));
  heat(database);
  database.forget_counts();
  database.run(seconds(5));
  EXPECT_EQ(database.gate().snapshot().capped_fingerprints, 1U);
  EXPECT_LE(database.active_max[kHot], 20U);
  for (std::uint64_t kind = kHot + 1; kind < kHot + 10; ++kind) {
    EXPECT_THAT(database.shed[kind], IsEmpty());
    EXPECT_NEAR(static_cast<double>(database.admitted_count[kind]), 1500, 2);
  }
  EXPECT_GT(database.shed[kHot][ShedReason::fingerprint], 500U);
}

TEST(GateOverload, WhoWaitsForACapIsWokenByTheNextOfItsKindToEnd) {
  Database database(fixed_limit(40));
  heat(database);
  database.sources.clear();
  // None ends by itself from here on.
  const std::uint32_t active = database.active(kHot);
  ASSERT_GE(active, 2U);
  EXPECT_LT(database.gate().snapshot().active, 40U);
  Operation& waiting = database.offer({.priority = kT1, .fingerprint = kHot});
  EXPECT_EQ(waiting.state(), State::waiting) << "though slots are free";
  EXPECT_EQ(database.offer({.fingerprint = kHot + 1}).state(), State::active);
  database.complete_one(kHot + 1);
  EXPECT_EQ(waiting.state(), State::waiting) << "another kind";
  for (int i = 0; i < 40 && waiting.state() == State::waiting; ++i) {
    database.complete_one(kHot);
  }
  EXPECT_EQ(waiting.state(), State::active);
}

TEST(GateOverload, ACapGoesWhenItsReasonHasGone) {
  Database database(fixed_limit(40));
  heat(database);
  database.service[kHot] = milliseconds(5);
  database.run(seconds(15));
  EXPECT_EQ(database.gate().snapshot().capped_fingerprints, 0U);
  database.forget_counts();
  database.run(seconds(1));
  EXPECT_THAT(database.shed[kHot], IsEmpty());
}

TEST(GateOverload, TheWorseIsRefusedAtOnceAndTheBestTierPasses) {
  GateOptions options = fixed_limit(10);
  options.rejector = Enforcement::on;
  options.wait_max = milliseconds(500);
  Database database(options);
  // 1,000 a second is what there are slots for.
  database.service = {{1, milliseconds(10)}, {2, milliseconds(10)}, {3, milliseconds(10)}};
  database.sources = {{.profile = {.priority = kT0, .fingerprint = 1}, .per_second = 400},
                      {.profile = {.priority = kT3, .fingerprint = 2}, .per_second = 1000},
                      {.profile = {.priority = kT5, .fingerprint = 3}, .per_second = 3000}};
  database.run(seconds(10));
  database.forget_counts();
  database.run(seconds(10));
  EXPECT_THAT(database.shed[1], IsEmpty());
  EXPECT_NEAR(static_cast<double>(database.admitted_count[1]), 4000, 50);
  EXPECT_GT(database.shed[3][ShedReason::overload], 28'000U);
  EXPECT_GT(database.shed[2][ShedReason::overload], 3000U);
  EXPECT_GT(database.admitted_count[1] + database.admitted_count[2] + database.admitted_count[3],
            9500U)
      << "and no slot is left without work";
  const GateSnapshot snapshot = database.gate().snapshot();
  EXPECT_NEAR(snapshot.rejection_ratio[static_cast<std::size_t>(Demand::read)], 1 - 1 / 4.4, 0.1);
  EXPECT_EQ(snapshot.rejection_ratio[static_cast<std::size_t>(Demand::write)], 0)
      << "nobody writes";
  EXPECT_LT(snapshot.waiting, 60U);
}

TEST(GateOverload, WithoutTheRejectorNothingIsRefusedAtOnce) {
  GateOptions options = fixed_limit(10);
  options.rejector = Enforcement::off;
  Database database(options);
  database.service = {{1, milliseconds(10)}};
  database.sources = {{.profile = {.fingerprint = 1}, .per_second = 4000}};
  database.run(seconds(10));
  EXPECT_EQ(database.shed[1].count(ShedReason::overload), 0U);
  EXPECT_THAT(database.gate().snapshot().rejection_ratio, Each(0.0));
}

TEST(GateOverload, BatchesThatFitAreRefusedNothing) {
  GateOptions options = fixed_limit(10);
  options.rejector = Enforcement::on;
  options.wait_max = milliseconds(500);
  Database database(options);
  database.service = {{1, milliseconds(10)}};  // 1,000 a second.
  for (int second = 0; second < 10; ++second) {
    // Of every tier, a second's work within half a second; the queue stands for most of it.
    for (int batch = 0; batch < 5; ++batch) {
      for (int i = 0; i < 120; ++i) {
        const Priority priority(static_cast<Tier>(i % 4), 0);
        database.offer({.priority = priority, .fingerprint = 1});
      }
      database.run(milliseconds(100));
    }
    database.run(milliseconds(500));
  }
  EXPECT_THAT(database.shed[1], IsEmpty());
  EXPECT_EQ(database.admitted_count[1], 6000U);
}

TEST(GateOverload, HeavyOperationsLeaveRoomForLightOnes) {
  Database database(fixed_limit(8));
  database.service = {{1, milliseconds(2)}, {2, milliseconds(100)}};
  database.sources = {{.profile = {.fingerprint = 1}, .per_second = 500},
                      {.profile = {.fingerprint = 2}, .per_second = 20}};
  database.run(seconds(10));  // Who is heavy is known from now on.
  database.sources[1].per_second = 200;
  database.run(seconds(2));
  database.forget_counts();
  database.run(seconds(5));
  EXPECT_LE(database.active_max[2], 2U) << "a quarter of the slots";
  EXPECT_NEAR(static_cast<double>(database.admitted_count[1]), 2500, 2);
  EXPECT_THAT(database.shed[1], IsEmpty());
  EXPECT_GT(database.admitted_count[2], 80U) << "all that a quarter of the slots can do";
}

TEST(GateOverload, HeavyOperationsGetAllSlotsWhileNobodyElseWaits) {
  Database database(fixed_limit(8));
  database.service = {{1, milliseconds(2)}, {2, milliseconds(100)}};
  database.sources = {{.profile = {.fingerprint = 1}, .per_second = 500},
                      {.profile = {.fingerprint = 2}, .per_second = 20}};
  database.run(seconds(10));
  database.sources = {{.profile = {.fingerprint = 2}, .per_second = 200}};
  database.run(milliseconds(1500));
  database.forget_counts();
  database.run(seconds(2));
  EXPECT_EQ(database.active_max[2], 8U);
  EXPECT_NEAR(static_cast<double>(database.admitted_count[2]), 160, 4);
}

}  // namespace
}  // namespace loadline
