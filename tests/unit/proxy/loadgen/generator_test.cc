// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;
using wire::TransactionState;

constexpr TimePoint kStart{1h};  // Not zero: zero hides "never set" bugs.

// A modelled server on virtual time: what it answers to each statement, and when.
class ModelServer final : public Transport {
 public:
  struct Answer {
    Duration after = 1ms;
    std::string sqlstate = {};  // Empty: success.
    TransactionState transaction = TransactionState::idle;
    bool closes = false;
    std::optional<std::chrono::milliseconds> retry_after = {};
  };

  std::function<Answer(const std::string& sql)> answer = [](const std::string&) {
    return Answer{};
  };
  bool refuses_logins = false;
  Duration cancel_takes = 2ms;
  std::vector<std::string> sent = {};
  int opened = 0;
  int cancelled = 0;
  int closed = 0;

  // Runs everything up to `end` or until the generator has finished.
  void run(Generator& generator, TimePoint end) {
    while (!generator.finished()) {
      TimePoint next = generator.deadline();
      for (const Event& event : events_) next = std::min(next, event.due);
      if (next > end) break;
      now = std::max(now, next);
      generator.on_timer(now);
      deliver(generator);
    }
  }

  void open(ConnectionIndex connection) override {
    ++opened;
    const Answer login = {.sqlstate = refuses_logins ? "53300" : "", .closes = refuses_logins};
    events_.push_back({now + 1ms, connection, login, false});
  }
  void send(ConnectionIndex connection, std::string_view sql,
            std::span<const std::string> parameters) override {
    EXPECT_TRUE(busy_.insert(connection).second) << "a statement before the last one's answer";
    std::string text(sql);
    for (const std::string& parameter : parameters) text += "|" + parameter;
    sent.push_back(text);
    const Answer due = answer(text);
    events_.push_back({now + due.after, connection, due, false});
  }
  // The statement ends with 57014, then the cancel's own connection.
  void cancel(ConnectionIndex connection) override {
    ++cancelled;
    for (Event& event : events_) {
      if (event.connection == connection) {
        event.due = now + 1ms;
        event.answer.sqlstate = "57014";
      }
    }
    events_.push_back({now + cancel_takes, connection, {}, true});
  }
  void close(ConnectionIndex connection) override {
    ++closed;
    busy_.erase(connection);
    std::erase_if(events_, [&](const Event& event) { return event.connection == connection; });
  }

  TimePoint now = kStart - 1s;

 private:
  struct Event {
    TimePoint due;
    ConnectionIndex connection;
    Answer answer;
    bool is_cancel;
  };

  void deliver(Generator& generator) {
    std::vector<Event> due;
    std::erase_if(events_, [&](const Event& event) {
      if (event.due <= now) due.push_back(event);
      return event.due <= now;
    });
    for (const Event& event : due) {
      const wire::ServerError error = {.sqlstate = event.answer.sqlstate,
                                       .retry_after = event.answer.retry_after};
      if (event.is_cancel) {
        generator.on_cancel_done(event.connection, now);
        continue;
      }
      busy_.erase(event.connection);
      if (event.answer.closes) {
        generator.on_closed(event.connection, error, now);
        continue;
      }
      if (!event.answer.sqlstate.empty()) generator.on_error(event.connection, error);
      generator.on_ready(event.connection, event.answer.transaction, now);
    }
  }

  std::vector<Event> events_ = {};
  std::set<ConnectionIndex> busy_ = {};
};

LoadClass class_of(std::string_view sql) {
  LoadClass load_class = {.rate = 100, .deadline = 100ms, .connections = 4};
  load_class.scripts.push_back({.script = *Script::parse(sql)});
  return load_class;
}

// Ten seconds at 100 per second, evenly.
Scenario scenario_of(std::string_view sql = "select 1") {
  return {.arrivals = ArrivalKind::constant,
          .shed_sqlstates = {"53000"},
          .classes = {class_of(sql)},
          .phases = {{.name = "1x", .duration = 10s}}};
}

// The whole run: logins, phases, drain.
class Trial {
 public:
  explicit Trial(Scenario scenario) : scenario_(std::move(scenario)) {}

  Trial& go(TimePoint end = kStart + 10min) {
    generator_.open_connections();
    server.run(generator_, kStart - 500ms);
    generator_.start(kStart);
    server.run(generator_, end);
    return *this;
  }
  [[nodiscard]] const Tally& tally(std::size_t phase = 0) const {
    return generator_.tally().of(0, phase);
  }
  [[nodiscard]] std::uint64_t count(Outcome outcome) const { return tally().count(outcome); }
  // Every operation has ended in one way.
  [[nodiscard]] bool adds_up() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : tally().outcomes) sum += count;
    return sum == tally().offered && generator_.finished() && generator_.totals().active == 0;
  }
  Generator& generator() { return generator_; }

  ModelServer server = {};

 private:
  Scenario scenario_;
  Generator generator_ = Generator(scenario_, server);
};

TEST(Generator, AnswersInTimeAreGood) {
  Trial run(scenario_of());
  run.go();
  EXPECT_EQ(run.tally().offered, 1000u);
  EXPECT_EQ(run.count(Outcome::good), 1000u);
  EXPECT_EQ(run.tally().good.max(), 1ms);
  EXPECT_EQ(run.tally().attempts, 1000u);
  EXPECT_TRUE(run.adds_up());
  EXPECT_EQ(run.server.opened, 4);
}

// The point of the whole tool: a server that stands still for a second has made a hundred users
// wait, although only four of them had a connection to ask with.
TEST(Generator, AStallCountsForThoseWhoCouldNotEvenAsk) {
  Scenario scenario = scenario_of();
  scenario.on_timeout = TimeoutAction::wait;
  scenario.classes[0].deadline = 50ms;
  Trial run(scenario);
  run.server.answer = [&](const std::string&) -> ModelServer::Answer {
    const TimePoint stall_begin = kStart + 4s;
    const TimePoint stall_end = kStart + 5s;
    const bool stalled = run.server.now >= stall_begin && run.server.now < stall_end;
    return {.after = stalled ? stall_end - run.server.now : Duration(1ms)};
  };
  run.go();
  EXPECT_TRUE(run.adds_up());
  EXPECT_NEAR(static_cast<double>(run.count(Outcome::late)), 95, 10);
  EXPECT_GT(run.tally().answered.max(), 950ms);
  EXPECT_GT(run.tally().answered.quantile(0.95), 400ms);
  EXPECT_LE(run.tally().good.max(), 50ms);
}

TEST(Generator, ArrivalsDoNotWaitForAnswers) {
  Scenario scenario = scenario_of();
  scenario.on_timeout = TimeoutAction::wait;
  scenario.drain = 1s;
  Trial run(scenario);
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 1h}; };
  run.go();
  EXPECT_EQ(run.tally().offered, 1000u);
  EXPECT_EQ(run.tally().attempts, 4u);  // One per connection.
  EXPECT_EQ(run.count(Outcome::unfinished), 1000u);
  EXPECT_TRUE(run.adds_up());
}

TEST(Generator, ATimeoutCancelsAndKeepsTheConnection) {
  Trial run(scenario_of());
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 1h}; };
  run.go();
  EXPECT_TRUE(run.adds_up());
  // All of them: in a first-come queue each gets its connection just before its time is up.
  EXPECT_EQ(run.count(Outcome::timeout), 1000u);
  EXPECT_EQ(static_cast<std::uint64_t>(run.server.cancelled), run.count(Outcome::timeout));
  EXPECT_EQ(run.server.opened, 4);
  EXPECT_EQ(run.server.closed, 0);
  EXPECT_TRUE(run.tally().sqlstates.empty());  // The 57014 answers nobody's question.
}

// Otherwise the cancel could hit the next statement.
TEST(Generator, AConnectionIsNotUsedWhileItsCancelIsUnderWay) {
  Scenario scenario = scenario_of();
  scenario.classes[0].connections = 1;
  scenario.drain = 10s;
  Trial run(scenario);
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 1h}; };
  run.server.cancel_takes = 30s;  // Longer than the rest of the run.
  run.go();
  EXPECT_EQ(run.server.sent.size(), 1u);
}

TEST(Generator, ATimeoutMayCloseTheConnectionAndOpenAnother) {
  Scenario scenario = scenario_of();
  scenario.on_timeout = TimeoutAction::close;
  Trial run(scenario);
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 1h}; };
  run.go();
  EXPECT_TRUE(run.adds_up());
  EXPECT_EQ(static_cast<std::uint64_t>(run.server.closed), run.count(Outcome::timeout));
  EXPECT_EQ(run.server.cancelled, 0);
  EXPECT_EQ(run.server.opened, run.server.closed + 4);
}

TEST(Generator, RefusalsAreShedAndOtherFailuresAreErrors) {
  Trial run(scenario_of());
  int asked = 0;
  run.server.answer = [&](const std::string&) -> ModelServer::Answer {
    const int turn = ++asked % 4;
    return {.after = 3ms, .sqlstate = turn == 0 ? "53000" : turn == 1 ? "22012" : ""};
  };
  run.go();
  EXPECT_EQ(run.count(Outcome::good), 500u);
  EXPECT_EQ(run.count(Outcome::shed), 250u);
  EXPECT_EQ(run.count(Outcome::error), 250u);
  EXPECT_EQ(run.tally().sqlstates,
            (std::map<std::string, std::uint64_t>{{"22012", 250}, {"53000", 250}}));
  EXPECT_EQ(run.tally().shed.count(), 250u);
  EXPECT_EQ(run.tally().shed.max(), 3ms);
  EXPECT_EQ(run.tally().good.count(), 500u);
}

TEST(Generator, AShedOperationIsTriedAgainAfterWhatTheServerAskedFor) {
  Scenario scenario = scenario_of();
  scenario.classes[0].retry = {.attempts_max = 3, .backoff = {.first = 10ms, .max = 10ms}};
  Trial run(scenario);
  int asked = 0;
  run.server.answer = [&](const std::string&) -> ModelServer::Answer {
    if (++asked % 2 == 0) return {};
    return {.sqlstate = "53000", .retry_after = std::chrono::milliseconds(20)};
  };
  scenario.phases[0].duration = 1s;
  run.go();
  EXPECT_TRUE(run.adds_up());
  EXPECT_EQ(run.count(Outcome::good) + run.count(Outcome::shed), 1000u);
  EXPECT_GT(run.count(Outcome::good), 700u);
  EXPECT_GT(run.tally().retries, 500u);
  EXPECT_EQ(run.tally().attempts, 1000u + run.tally().retries);
  EXPECT_GE(run.tally().good.quantile(0.9), 22ms);  // Two answers and the wait between.
}

TEST(Generator, NobodyComesBackAfterTheDeadline) {
  Scenario scenario = scenario_of();
  scenario.classes[0].retry.attempts_max = 3;
  Trial run(scenario);
  run.server.answer = [](const std::string&) {
    return ModelServer::Answer{.sqlstate = "53000", .retry_after = 100ms};
  };
  run.go();
  EXPECT_EQ(run.count(Outcome::shed), 1000u);
  EXPECT_EQ(run.tally().retries, 0u);
}

TEST(Generator, AnAttemptMayTimeOutBeforeTheOperationDoes) {
  Scenario scenario = scenario_of();
  scenario.classes[0].deadline = 1s;
  scenario.classes[0].attempt_timeout = 20ms;
  scenario.classes[0].retry = {
      .attempts_max = 2, .after_timeout = true, .backoff = {.first = 1ms, .max = 1ms}};
  Trial run(scenario);
  int asked = 0;
  run.server.answer = [&](const std::string&) {
    return ModelServer::Answer{.after = ++asked % 2 == 1 ? Duration(1h) : Duration(1ms)};
  };
  run.go();
  EXPECT_TRUE(run.adds_up());
  EXPECT_GT(run.count(Outcome::good), 600u);
  EXPECT_GT(run.tally().retries, 300u);
  EXPECT_GT(run.tally().good.max(), 20ms);
}

TEST(Generator, AnErrorEndsTheScriptAndTheTransaction) {
  Scenario scenario = scenario_of("begin; select 1/0; commit");
  scenario.classes[0].rate = 1;
  scenario.phases[0].duration = 1s;
  Trial run(scenario);
  run.server.answer = [](const std::string& sql) -> ModelServer::Answer {
    if (sql == "begin") return {.transaction = TransactionState::open};
    if (sql == "ROLLBACK") return {};
    return {.sqlstate = "22012", .transaction = TransactionState::failed};
  };
  run.go();
  EXPECT_EQ(run.count(Outcome::error), 1u);
  EXPECT_THAT(run.server.sent, testing::ElementsAre("begin", "select 1/0", "ROLLBACK"));
}

TEST(Generator, AScriptThatForgetsToCommitIsRolledBack) {
  Scenario scenario = scenario_of("begin");
  scenario.classes[0].rate = 1;
  scenario.phases[0].duration = 1s;
  Trial run(scenario);
  run.server.answer = [](const std::string& sql) -> ModelServer::Answer {
    return {.transaction = sql == "begin" ? TransactionState::open : TransactionState::idle};
  };
  run.go();
  EXPECT_EQ(run.count(Outcome::good), 1u);
  EXPECT_THAT(run.server.sent, testing::ElementsAre("begin", "ROLLBACK"));
}

TEST(Generator, TimeUpBetweenTwoStatementsNeedsNoCancel) {
  Scenario scenario = scenario_of("begin;\n\\sleep 1s\ncommit;");
  scenario.classes[0].rate = 1;
  scenario.phases[0].duration = 1s;
  Trial run(scenario);
  run.server.answer = [](const std::string& sql) -> ModelServer::Answer {
    return {.transaction = sql == "begin" ? TransactionState::open : TransactionState::idle};
  };
  run.go();
  EXPECT_EQ(run.count(Outcome::timeout), 1u);
  EXPECT_EQ(run.server.cancelled, 0);
  EXPECT_THAT(run.server.sent, testing::ElementsAre("begin", "ROLLBACK"));
}

TEST(Generator, ALostConnectionFailsItsOperationAndIsOpenedAgain) {
  Scenario scenario = scenario_of();
  scenario.classes[0].deadline = 10s;
  Trial run(scenario);
  int asked = 0;
  run.server.answer = [&](const std::string&) -> ModelServer::Answer {
    if (++asked % 100 != 0) return {};
    return {.sqlstate = "08006", .closes = true};
  };
  run.go();
  EXPECT_TRUE(run.adds_up());
  EXPECT_EQ(run.count(Outcome::error), 10u);
  EXPECT_EQ(run.count(Outcome::good), 990u);
  EXPECT_EQ(run.generator().tally().connections.lost, 10u);
  // The last answer of all was such a loss, and the run over before the connection was back.
  EXPECT_EQ(run.generator().tally().connections.opened, 13u);
}

TEST(Generator, RefusedLoginsAreTriedAgainAndCounted) {
  Trial run(scenario_of());
  run.server.refuses_logins = true;
  run.go();
  EXPECT_EQ(run.count(Outcome::unsent), 1000u);
  EXPECT_EQ(run.generator().connections_ready(), 0u);
  EXPECT_EQ(run.generator().last_refusal().sqlstate, "53300");
  const auto& failed = run.generator().tally().connections.failed;
  // The back-off settles at a second on average: eleven seconds, four connections.
  EXPECT_GT(failed.at("53300"), 20u);
  EXPECT_LT(failed.at("53300"), 150u);
}

TEST(Generator, TheQueueForConnectionsIsBounded) {
  Scenario scenario = scenario_of();
  scenario.classes[0].waiting_max = 3;
  scenario.classes[0].deadline = 5s;
  Trial run(scenario);
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 1h}; };
  run.go(kStart + 1s);
  EXPECT_LE(run.generator().totals().waiting, 3u);
  EXPECT_GT(run.count(Outcome::unsent), 80u);
}

TEST(Generator, PhasesAreCountedByTheIntendedStart) {
  Scenario scenario = scenario_of();
  scenario.phases = {{.name = "1x", .duration = 2s},
                     {.name = "5x", .multiplier = 5, .duration = 2s}};
  Trial run(scenario);
  run.go();
  EXPECT_NEAR(static_cast<double>(run.tally(0).offered), 200, 1);
  EXPECT_NEAR(static_cast<double>(run.tally(1).offered), 1000, 1);
  EXPECT_EQ(run.tally(0).offered + run.tally(1).offered, run.generator().totals().offered);
}

TEST(Generator, TheSeriesAddsUpToTheResults) {
  Trial run(scenario_of());
  int asked = 0;
  run.server.answer = [&](const std::string&) -> ModelServer::Answer {
    return {.sqlstate = ++asked % 3 == 0 ? "53000" : ""};
  };
  run.go();
  SecondTally sum;
  const RunTally& tally = run.generator().tally();
  for (std::size_t i = 0; i < tally.second_count(); ++i) {
    EXPECT_NEAR(static_cast<double>(tally.second_at(0, i).offered), 100, 1) << "second=" << i;
    sum.merge(tally.second_at(0, i));
  }
  EXPECT_EQ(sum.offered, run.tally().offered);
  EXPECT_EQ(sum.outcomes, run.tally().outcomes);
  EXPECT_EQ(sum.good.count(), run.count(Outcome::good));
}

TEST(Generator, ItsOwnLateStartIsInTheLatencyAndInTheLag) {
  Scenario scenario = scenario_of();
  scenario.classes[0].rate = 1;
  scenario.phases[0].duration = 1s;
  Trial run(scenario);
  run.generator().open_connections();
  run.server.run(run.generator(), kStart - 500ms);
  run.generator().start(kStart);
  const TimePoint intended = run.generator().deadline();
  run.server.now = intended + 30ms;  // The event loop was busy.
  run.server.run(run.generator(), kStart + 1min);
  EXPECT_EQ(run.generator().tally().lag.max(), 30ms);
  EXPECT_EQ(run.tally().good.max(), 31ms);
}

TEST(Generator, ClosedModeKeepsItsUsersBusyAndNoMore) {
  Scenario scenario = scenario_of();
  scenario.mode = LoadMode::closed;
  scenario.phases = {{.name = "2", .concurrency = 2, .duration = 1s},
                     {.name = "8", .concurrency = 8, .duration = 1s},
                     {.name = "1", .concurrency = 1, .duration = 1s}};
  Trial run(scenario);
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 10ms}; };
  run.go();
  EXPECT_EQ(run.server.opened, 8);
  EXPECT_NEAR(static_cast<double>(run.tally(0).count(Outcome::good)), 200, 4);
  EXPECT_NEAR(static_cast<double>(run.tally(1).count(Outcome::good)), 800, 16);
  EXPECT_NEAR(static_cast<double>(run.tally(2).count(Outcome::good)), 100, 10);
  EXPECT_TRUE(run.generator().finished());
}

TEST(Generator, ClosedModeDrawsClassesByTheirRates) {
  Scenario scenario = scenario_of();
  scenario.mode = LoadMode::closed;
  scenario.phases = {{.name = "4", .concurrency = 4, .duration = 10s}};
  scenario.classes.push_back(scenario.classes[0]);
  scenario.classes[0].rate = 3;
  scenario.classes[1].rate = 1;
  Trial run(scenario);
  run.go();
  const auto first = static_cast<double>(run.generator().tally().of(0, 0).offered);
  const auto second = static_cast<double>(run.generator().tally().of(1, 0).offered);
  EXPECT_NEAR(first / (first + second), 0.75, 0.02);
}

TEST(Generator, ScriptsAreDrawnByTheirWeights) {
  Scenario scenario = scenario_of();
  scenario.classes[0].scripts.push_back({.script = *Script::parse("select 2"), .weight = 3});
  Trial run(scenario);
  run.go();
  const auto heavy = std::count(run.server.sent.begin(), run.server.sent.end(), "select 2");
  EXPECT_NEAR(static_cast<double>(heavy), 750, 60);
}

TEST(Generator, ParametersGoApartFromTheTextUnlessSimple) {
  for (const auto mode : {wire::QueryMode::simple, wire::QueryMode::prepared}) {
    Scenario scenario = scenario_of("\\set a 7\nselect :a");
    scenario.query_mode = mode;
    scenario.classes[0].rate = 1;
    scenario.phases[0].duration = 1s;
    Trial run(scenario);
    run.go();
    EXPECT_THAT(run.server.sent,
                testing::ElementsAre(mode == wire::QueryMode::simple ? "select 7" : "select $1|7"));
  }
}

TEST(Generator, StoppingCutsOffWhatIsUnderWay) {
  Scenario scenario = scenario_of();
  scenario.classes[0].deadline = 1min;
  Trial run(scenario);
  run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 1h}; };
  run.go(kStart + 2s);
  run.generator().stop(kStart + 2s);
  EXPECT_TRUE(run.adds_up());
  EXPECT_NEAR(static_cast<double>(run.count(Outcome::unfinished)), 200, 1);
}

// Errors, closes, timeouts and retries all at once, drawn by the seed: whatever happens, every
// operation ends once and no connection is used twice at a time (the server checks that).
TEST(Generator, WhateverTheServerDoesTheCountsAddUp) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    Scenario scenario = scenario_of("begin; select 1; commit");
    scenario.seed = seed;
    scenario.arrivals = ArrivalKind::poisson;
    scenario.on_timeout = static_cast<TimeoutAction>(seed % 3);
    scenario.drain = 5s;
    const bool overloaded = seed % 4 < 2;
    scenario.classes[0].rate = overloaded ? 300 : 20;
    scenario.classes[0].attempt_timeout = seed % 2 == 0 ? 40ms : 0ms;
    scenario.classes[0].retry = {.attempts_max = 3, .after_error = true, .after_timeout = true};
    Trial run(scenario);
    run.server.answer = [&](const std::string& sql) -> ModelServer::Answer {
      ModelServer::Answer answer = {.after = Duration(random.between(0, 20'000'000))};
      const std::int64_t fate = random.between(0, 9);
      const bool ends = sql == "commit" || sql == "ROLLBACK";
      answer.transaction = ends ? TransactionState::idle : TransactionState::open;
      if (fate == 0) answer.sqlstate = "53000";
      if (fate == 1) answer.sqlstate = "40001";
      if (fate <= 1 && !ends) answer.transaction = TransactionState::failed;
      answer.closes = fate == 2;
      if (fate == 2) answer.sqlstate = "57P01";
      return answer;
    };
    run.go();
    EXPECT_TRUE(run.adds_up()) << "seed=" << seed;
    if (!overloaded) {
      EXPECT_GT(run.count(Outcome::good), 60u) << "seed=" << seed;
    }
    EXPECT_EQ(run.tally().answered.count(), run.count(Outcome::good) + run.count(Outcome::late));
  }
}

TEST(Generator, TheSameSeedMakesTheSameRun) {
  const auto good_answers = [](std::uint64_t seed) {
    Scenario scenario = scenario_of();
    scenario.arrivals = ArrivalKind::poisson;
    scenario.seed = seed;
    Trial run(scenario);
    run.server.answer = [](const std::string&) { return ModelServer::Answer{.after = 38ms}; };
    run.go();
    return std::pair(run.tally().offered, run.tally().good.mean());
  };
  EXPECT_EQ(good_answers(5), good_answers(5));
  EXPECT_NE(good_answers(5), good_answers(6));
}

}  // namespace
}  // namespace loadline::loadgen
