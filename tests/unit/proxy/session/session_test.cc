// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/session.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <string>

#include "tests/support/scripted_session.h"

namespace loadline::session {
namespace {

using namespace std::chrono_literals;
using namespace test;  // NOLINT(google-build-using-namespace): messages read like a script.
using State = Operation::State;

class SessionTest : public testing::Test {
 protected:
  // The session that has the only slot, and whose statement is being executed.
  void occupy() {
    holder_.log_in();
    holder_.client(query("UPDATE t SET x = 1"));
    ASSERT_EQ(holder_.state(), State::active);
  }
  void release() { holder_.server(command_complete() + ready()); }
  // What waits has waited for as long as it may.
  void expire() {
    proxy_.now += 500ms;
    proxy_.gate.tick(proxy_.now);
  }

  ScriptedProxy proxy_{ScriptedProxy::fixed_limit(1)};
  ScriptedSession holder_{proxy_};
};

TEST_F(SessionTest, AnAdmittedStatementGoesThroughUntouched) {
  holder_.log_in();
  holder_.client(query("SELECT f(1)"));
  EXPECT_EQ(holder_.to_server, query("SELECT f(1)"));
  EXPECT_EQ(proxy_.gate.snapshot().active, 1U);
  holder_.server(data_row("1") + command_complete() + ready());
  EXPECT_EQ(holder_.to_client, data_row("1") + command_complete() + ready());
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
}

TEST_F(SessionTest, AWaitingStatementIsSentWhenASlotComesFree) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(2)"));
  EXPECT_EQ(waiter.to_server, "");
  EXPECT_EQ(waiter.state(), State::waiting);
  release();
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_EQ(waiter.to_server, query("SELECT f(2)"));
}

TEST(SessionInADryRun, ExecutesWhatItReportsAsShed) {
  GateOptions options = ScriptedProxy::fixed_limit(1);
  options.dry_run = true;
  options.scorecards = {{.name = "one",
                         .active_max = ScorecardCap{ScorecardCap::Unit::operations, 1},
                         .waiting_max = 1}};
  config::Policy policy;
  policy.scorecards = {
      {.each = {config::Scorecard::Party::Kind::all, {}}, .gate = options.scorecards[0]}};
  ScriptedProxy proxy(options, policy);
  (void)proxy.gate.tick(proxy.now);
  std::deque<ScriptedSession> sessions;
  for (int i = 0; i < 3; ++i) {
    ScriptedSession& one = sessions.emplace_back(proxy);
    one.log_in();
    one.client(query("SELECT f(2)"));
    EXPECT_EQ(one.to_server, query("SELECT f(2)"));
  }
  ASSERT_EQ(proxy.sheds.size(), 1U) << "one active, one would wait";
  EXPECT_EQ(proxy.sheds[0].first, ShedReason::scorecard);
}

TEST_F(SessionTest, AShedStatementIsAnsweredAndTheSessionGoesOn) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in({"user", "ann", "database", "shop"});
  waiter.client(query("SELECT f(2)"));
  expire();
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_NE(waiter.to_client.find("C53000"), std::string::npos);
  EXPECT_NE(waiter.to_client.find("reason=queue_timeout tier=t3 tenant=shop"), std::string::npos);
  EXPECT_NE(waiter.to_client.find("retry_after_ms="), std::string::npos);
  EXPECT_TRUE(waiter.to_client.ends_with(ready('I')));
  EXPECT_EQ(waiter.to_server, "");
  ASSERT_EQ(proxy_.sheds.size(), 1U);
  EXPECT_EQ(proxy_.sheds[0].second, "shop");

  release();
  waiter.client(query("SELECT f(3)"));
  EXPECT_EQ(waiter.to_server, query("SELECT f(3)"));
}

// Trap: an earlier statement of a batch must not be committed when a later one is shed.
TEST_F(SessionTest, OfAShedBatchNothingReachesTheDatabase) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(parse("", "INSERT INTO t VALUES (1)") + bind("", "") + execute() +
                parse("", "INSERT INTO t VALUES (2)") + bind("", "") + execute() +
                loadline::test::sync());
  expire();
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_EQ(waiter.to_server, "");
  EXPECT_EQ(waiter.to_client.find(ready('I')), waiter.to_client.size() - ready('I').size());
}

TEST_F(SessionTest, AStatementOfAnOpenTransactionNeverWaits) {
  ScriptedSession in_transaction(proxy_);
  in_transaction.log_in();
  in_transaction.client(query("BEGIN"));
  in_transaction.server(command_complete("BEGIN") + ready('T'));
  EXPECT_EQ(in_transaction.state(), State::active);
  EXPECT_TRUE(in_transaction.session->awaits_client());
  in_transaction.session->on_client_stalled(proxy_.now);
  occupy();  // While the client thinks, the slot is free for others.
  in_transaction.to_server.clear();
  in_transaction.client(query("UPDATE t SET x = 2"));
  EXPECT_EQ(in_transaction.to_server, query("UPDATE t SET x = 2"));
  EXPECT_EQ(proxy_.gate.snapshot().active, 2U);
  in_transaction.server(command_complete() + ready('T'));
  EXPECT_EQ(in_transaction.state(), State::active);
  in_transaction.client(query("COMMIT"));
  in_transaction.server(command_complete("COMMIT") + ready('I'));
  EXPECT_EQ(in_transaction.state(), State::idle);
  EXPECT_EQ(proxy_.gate.snapshot().active, 1U);
}

TEST_F(SessionTest, ATransactionIsAdmittedAtItsBegin) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("BEGIN"));
  EXPECT_EQ(waiter.state(), State::waiting);
  expire();
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_TRUE(waiter.to_client.ends_with(ready('I')));
}

TEST_F(SessionTest, ABatchThatBeginsWithACloseIsGatedBehindTheReplyToIt) {
  occupy();
  ScriptedSession other(proxy_);
  other.log_in();
  other.client(close_statement("old") + parse("", "INSERT") + bind("", "") + execute() +
               loadline::test::sync());
  EXPECT_EQ(other.to_server, close_statement("old") + flush());
  EXPECT_EQ(other.state(), State::idle);
  other.server(message('3', {}));
  EXPECT_EQ(other.state(), State::waiting);
  expire();
  ASSERT_TRUE(other.take_verdict());
  EXPECT_EQ(other.to_server, close_statement("old") + flush() + sync());
  other.server(ready());
  EXPECT_TRUE(other.to_client.starts_with(message('3', {}) + "E"));
  EXPECT_EQ(other.to_client.find(ready()), other.to_client.size() - ready().size());
}

TEST_F(SessionTest, ControlPassesAFullGate) {
  occupy();
  ScriptedSession other(proxy_);
  other.log_in();
  for (const auto* sql : {"ROLLBACK", "SET x = 1", "", "SELECT 1", "DISCARD ALL", "COMMIT"}) {
    other.to_server.clear();
    other.client(query(sql));
    EXPECT_EQ(other.to_server, query(sql));
    other.server(command_complete() + ready());
  }
}

TEST_F(SessionTest, WorkInTheClothesOfControlDoesNotPass) {
  occupy();
  ScriptedSession other(proxy_);
  other.log_in();
  other.client(query("SET x = 1; DELETE FROM t"));
  EXPECT_EQ(other.state(), State::waiting);
}

TEST_F(SessionTest, APipelineSharesItsSlotWhileTheGateIsCalm) {
  holder_.log_in();
  holder_.client(query("SELECT f(10)") + query("SELECT f(20)") + query("SELECT f(30)"));
  EXPECT_EQ(holder_.to_server,
            query("SELECT f(10)") + query("SELECT f(20)") + query("SELECT f(30)"));
  EXPECT_EQ(proxy_.gate.snapshot().active, 1U);
  EXPECT_EQ(proxy_.gate.snapshot().ridden, 2U);
  for (int i = 0; i < 3; ++i) holder_.server(command_complete() + ready());
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
}

TEST_F(SessionTest, UnderPressureAPipelineGoesOneByOneAndInOrder) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(10)") + query("SELECT f(20)"));
  holder_.client(query("SELECT f(30)") + query("SELECT f(40)"));
  EXPECT_EQ(holder_.to_server, query("UPDATE t SET x = 1"));  // Somebody else waits: no riding.
  release();
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_EQ(waiter.to_server, query("SELECT f(10)"));
  EXPECT_EQ(holder_.state(), State::waiting);
  expire();
  ASSERT_TRUE(holder_.take_verdict());
  // The first reply was complete before; the two refusals follow it.
  const auto first = holder_.to_client.find(ready());
  const auto refusal = holder_.to_client.find("C53000");
  EXPECT_LT(first, refusal);
}

TEST_F(SessionTest, ABatchThatOnlyClosesSomethingKeepsNoSlot) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(10)"));
  holder_.client(close_statement("s"));
  release();
  EXPECT_EQ(holder_.state(), State::idle);
  ASSERT_TRUE(waiter.take_verdict());
  // The batch goes on with work: that waits its turn, once the closing has been answered.
  holder_.client(parse("", "SELECT f(20)") + bind("", "") + execute() + loadline::test::sync());
  EXPECT_EQ(holder_.state(), State::idle);
  EXPECT_TRUE(holder_.to_server.ends_with(close_statement("s") + flush()));
  holder_.server(message('3', {}));
  EXPECT_EQ(holder_.state(), State::waiting);
}

TEST_F(SessionTest, ARefusalStandsBehindTheReplyOfTheControlStatementBeforeIt) {
  occupy();
  ScriptedSession other(proxy_);
  other.log_in();
  other.client(query("SET x = 1") + query("SELECT f(10)"));
  EXPECT_EQ(other.to_server, query("SET x = 1"));
  EXPECT_EQ(other.state(), State::idle);
  other.server(command_complete("SET") + ready());
  EXPECT_EQ(other.state(), State::waiting);
}

TEST_F(SessionTest, NoRefusalGoesIntoTheMiddleOfANotice) {
  GateOptions options = ScriptedProxy::fixed_limit(1);
  options.waiting_max = 1;
  ScriptedProxy proxy(options);
  ScriptedSession holder(proxy);
  ScriptedSession waiter(proxy);
  ScriptedSession refused(proxy);
  for (auto* session : {&holder, &waiter, &refused}) session->log_in();
  holder.client(query("SELECT f(10)"));
  waiter.client(query("SELECT f(20)"));
  const std::string notice = message('N', std::string(40, 'n'));
  refused.server(notice.substr(0, 20));
  refused.client(query("/* priority='t5' */ SELECT f(30)"));
  EXPECT_EQ(refused.to_client, notice.substr(0, 20));
  refused.server(notice.substr(20));
  EXPECT_TRUE(refused.to_client.starts_with(notice));
  EXPECT_NE(refused.to_client.find("reason=queue_full"), std::string::npos);
}

TEST_F(SessionTest, TagsOfAPreparedStatementHoldWhenItIsExecutedByName) {
  config::Policy policy;
  ScriptedProxy proxy(ScriptedProxy::fixed_limit(1), policy);
  ScriptedSession holder(proxy);
  holder.log_in();
  ScriptedSession tagged(proxy);
  tagged.log_in();
  tagged.client(parse("s1", "SELECT f(2) /* priority='t5', tenant='acme' */") + sync());
  tagged.server(message('1', {}) + ready());
  holder.client(query("SELECT f(10)"));
  tagged.client(bind("", "s1") + execute() + sync());
  EXPECT_EQ(tagged.state(), State::waiting);
  EXPECT_EQ(tagged.session->operation().profile().priority.tier(), Tier::t5);
}

TEST_F(SessionTest, CancellingAWaitingStatementIsAnsweredHere) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("DELETE FROM t"));
  waiter.session->on_cancel(proxy_.now);
  waiter.drain();
  EXPECT_NE(waiter.to_client.find("C57014"), std::string::npos);
  EXPECT_TRUE(waiter.to_client.ends_with(ready('I')));
  release();
  EXPECT_FALSE(waiter.take_verdict());
  EXPECT_EQ(waiter.to_server, "");
}

TEST_F(SessionTest, CancellingWinsOverAVerdictThatIsUnderWay) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("DELETE FROM t"));
  release();  // The gate has admitted it; the worker doesn't know yet.
  waiter.session->on_cancel(proxy_.now);
  waiter.drain();
  EXPECT_NE(waiter.to_client.find("C57014"), std::string::npos);
  EXPECT_EQ(waiter.to_server, "");
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
  EXPECT_TRUE(proxy_.decided.empty());
}

TEST_F(SessionTest, CancellingARunningStatementIsForTheDatabase) {
  occupy();
  holder_.session->on_cancel(proxy_.now);
  holder_.drain();
  EXPECT_EQ(holder_.cancel_at_server, untagged(80877102, be32(7) + be32(42)));
}

TEST_F(SessionTest, ACancelRequestNamesAnotherSession) {
  ScriptedSession canceller(proxy_);
  canceller.client(untagged(80877102, be32(7) + be32(42)));
  EXPECT_EQ(canceller.cancel_elsewhere, be32(7) + be32(42));
  EXPECT_TRUE(canceller.finished);
}

TEST_F(SessionTest, AWaitingStatementWhoseClientLeavesNeverRuns) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("DELETE FROM t"));
  waiter.client_closes();
  EXPECT_TRUE(waiter.finished);
  EXPECT_EQ(waiter.to_server, terminate());
  EXPECT_EQ(proxy_.gate.snapshot().waiting, 0U);
}

TEST_F(SessionTest, ARunningStatementWhoseClientVanishesIsCancelledAndItsSlotKeptUntilItEnds) {
  occupy();
  holder_.client_closes();
  EXPECT_EQ(holder_.cancel_at_server, untagged(80877102, be32(7) + be32(42)));
  EXPECT_TRUE(holder_.client_closed);
  EXPECT_EQ(proxy_.gate.snapshot().active, 1U);
  holder_.server(error_response("57014") + ready());
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
  EXPECT_TRUE(holder_.finished);
}

TEST_F(SessionTest, ABatchWithoutItsSyncIsOverWhenItsCancelHasWorked) {
  holder_.log_in();
  holder_.client(parse("", "SELECT pg_sleep(9)") + bind("", "") + execute() + flush());
  holder_.server(message('1', {}) + message('2', {}));
  holder_.client_closes();
  EXPECT_FALSE(holder_.finished);
  holder_.server(error_response("57014"));
  EXPECT_TRUE(holder_.finished);
}

TEST_F(SessionTest, AStatementThatIgnoresItsCancelIsCutAfterAWhile) {
  occupy();
  holder_.client_closes();
  EXPECT_EQ(holder_.session->deadline(), proxy_.now + proxy_.environment.cancel_timeout);
  holder_.session->on_timeout(proxy_.now + proxy_.environment.cancel_timeout);
  holder_.drain();
  EXPECT_TRUE(holder_.finished);
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
}

TEST_F(SessionTest, AGoodbyeLetsTheStatementFinish) {
  occupy();
  holder_.client(terminate());
  EXPECT_EQ(holder_.cancel_at_server, "");
  EXPECT_TRUE(holder_.to_server.ends_with(terminate()));
  holder_.client_closes();  // Its sending half, perhaps: the answer is still given.
  holder_.server(command_complete() + ready());
  EXPECT_EQ(holder_.to_client, command_complete() + ready());
  holder_.server_closes();
  EXPECT_TRUE(holder_.finished);
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
}

TEST_F(SessionTest, AClientThatTakesNothingGivesItsSlotUpUntilItDoes) {
  occupy();
  holder_.session->on_client_stalled(proxy_.now);
  EXPECT_EQ(holder_.state(), State::held);
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
  holder_.session->on_client_drained(proxy_.now);
  EXPECT_EQ(holder_.state(), State::active);
}

// The gate may have decided on another thread: until the session hears of it, nothing may be
// concluded.
TEST_F(SessionTest, AVerdictThatIsUnderWayIsNotMistakenForAStall) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("DELETE FROM t"));
  release();
  EXPECT_FALSE(waiter.session->awaits_client());
  waiter.session->on_client_stalled(proxy_.now);
  EXPECT_EQ(waiter.state(), State::active);
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_EQ(waiter.to_server, query("DELETE FROM t"));
}

TEST_F(SessionTest, ACopyWhoseClientStallsTakesItsSlotBackWithTheNextBytes) {
  holder_.log_in();
  holder_.client(query("COPY t FROM STDIN"));
  holder_.server(copy_in_response());
  EXPECT_TRUE(holder_.session->awaits_client());
  holder_.session->on_client_stalled(proxy_.now);
  EXPECT_EQ(holder_.state(), State::held);
  holder_.client(copy_data("1\n"));
  EXPECT_EQ(holder_.state(), State::active);
}

TEST_F(SessionTest, ALostDatabaseIsToldAndTheSlotGivenBack) {
  occupy();
  holder_.server_closes();
  EXPECT_NE(holder_.to_client.find("C08006"), std::string::npos);
  EXPECT_NE(holder_.to_client.find("outcome"), std::string::npos);
  EXPECT_TRUE(holder_.finished);
  EXPECT_EQ(proxy_.gate.snapshot().active, 0U);
}

TEST_F(SessionTest, TheDatabasesOwnLastWordsAreEnough) {
  holder_.log_in();
  holder_.server(error_response("57P01"));
  holder_.server_closes();
  EXPECT_EQ(holder_.to_client, error_response("57P01"));
}

TEST_F(SessionTest, ADatabaseThatCannotBeReachedIsSaidAtLogin) {
  ScriptedSession client(proxy_);
  client.connect_fails = true;
  client.client(startup());
  EXPECT_NE(client.to_client.find("C57P03"), std::string::npos);
  EXPECT_NE(client.to_client.find("connection refused"), std::string::npos);
  EXPECT_TRUE(client.finished);
  EXPECT_EQ(proxy_.quota.taken(), 0U);
}

TEST_F(SessionTest, BackendsBeyondTheQuotaAreRefusedAtLogin) {
  ScriptedProxy proxy(ScriptedProxy::fixed_limit(1), {}, /*backends_max=*/1);
  ScriptedSession first(proxy);
  first.log_in();
  ScriptedSession second(proxy);
  second.client(startup());
  EXPECT_NE(second.to_client.find("C53300"), std::string::npos);
  EXPECT_EQ(second.to_server, "");
  first.client(terminate());
  first.server_closes();
  ScriptedSession third(proxy);
  third.client(startup());
  EXPECT_EQ(third.to_server, startup());
}

TEST_F(SessionTest, ARefusedLoginIsToldAfterTheStartupPacketNotBefore) {
  ScriptedSession client(proxy_, wire::Farewell::too_many_clients);
  client.client(untagged(80877103));
  EXPECT_EQ(client.to_client, "N");
  client.client(startup());
  EXPECT_NE(client.to_client.find("C53300"), std::string::npos);
  EXPECT_TRUE(client.finished);
}

TEST_F(SessionTest, ALoginThatTakesTooLongIsEnded) {
  ScriptedSession client(proxy_);
  client.session->on_timeout(proxy_.now + 60s);
  client.drain();
  EXPECT_NE(client.to_client.find("C08P01"), std::string::npos);
  EXPECT_TRUE(client.finished);
}

TEST_F(SessionTest, DrainingClosesIdleSessionsAtOnceAndBusyOnesAtTheEndOfTheirTransaction) {
  ScriptedSession idle(proxy_);
  idle.log_in();
  ScriptedSession busy(proxy_);
  busy.log_in();
  busy.client(query("BEGIN"));
  busy.server(ready('T'));
  proxy_.environment.draining = true;
  for (auto* session : {&idle, &busy}) {
    session->session->on_drain();
    session->drain();
  }
  EXPECT_TRUE(idle.finished);
  EXPECT_NE(idle.to_client.find("C57P01"), std::string::npos);
  EXPECT_FALSE(busy.finished);
  busy.client(query("COMMIT"));
  EXPECT_FALSE(busy.finished);
  busy.server(command_complete("COMMIT") + ready('I'));
  EXPECT_TRUE(busy.finished);
  EXPECT_LT(busy.to_client.find("COMMIT"), busy.to_client.find("C57P01"));

  ScriptedSession late(proxy_);
  late.client(startup());
  EXPECT_NE(late.to_client.find("C57P03"), std::string::npos);
}

TEST_F(SessionTest, WhatIsStillOpenWhenTheDrainEndsIsToldSo) {
  holder_.log_in();
  holder_.client(query("BEGIN"));
  holder_.server(ready('T'));
  holder_.session->on_drain();
  holder_.session->on_cut(proxy_.now);
  holder_.drain();
  EXPECT_NE(holder_.to_client.find("C57P01"), std::string::npos);
  EXPECT_TRUE(holder_.finished);
}

TEST_F(SessionTest, ReplicationConnectionsStayOutOfTheGate) {
  occupy();
  ScriptedSession replica(proxy_);
  replica.log_in({"user", "ann", "replication", "database"});
  replica.client(query("START_REPLICATION SLOT s LOGICAL 0/0"));
  EXPECT_EQ(replica.to_server, query("START_REPLICATION SLOT s LOGICAL 0/0"));
  EXPECT_EQ(proxy_.gate.snapshot().active, 1U);
}

TEST_F(SessionTest, AnApplicationThatRenamesItselfIsClassifiedAnew) {
  config::Policy policy;
  policy.rules.push_back({.match = {.application = "batch*"}, .tier = Tier::t5});
  ScriptedProxy proxy(ScriptedProxy::fixed_limit(4), policy);
  ScriptedSession session(proxy);
  session.log_in();
  session.client(query("SET application_name = 'batch-7'"));
  session.server(command_complete("SET") + parameter("application_name", "batch-7") + ready());
  session.client(query("SELECT 2 FROM t"));
  EXPECT_EQ(session.session->operation().profile().priority.tier(), Tier::t5);
}

TEST_F(SessionTest, AReloadedPolicyHoldsForOpenSessions) {
  holder_.log_in();
  config::Policy policy;
  policy.default_tier = Tier::t1;
  proxy_.environment.classifier = std::make_shared<const Classifier>(policy, /*key=*/7);
  holder_.client(query("SELECT 2 FROM t"));
  EXPECT_EQ(holder_.session->operation().profile().priority.tier(), Tier::t1);
}

// Whatever the moment at which a peer dies, no slot, waiter or backend is left behind.
TEST_F(SessionTest, NothingIsLeakedHoweverFarTheConversationHadCome) {
  const std::string from_client = startup() + query("BEGIN") + query("SELECT 1 FROM t") +
                                  query("COMMIT") + parse("", "INSERT") + bind("", "") + execute() +
                                  sync();
  const std::string replies[] = {logged_in(), ready('T'), ready('T'), ready('I'), ready('I')};
  for (std::size_t cut = 0; cut <= from_client.size(); ++cut) {
    for (std::size_t replied = 0; replied <= std::size(replies); ++replied) {
      for (const bool client_dies : {true, false}) {
        ScriptedProxy proxy(ScriptedProxy::fixed_limit(1));
        {
          ScriptedSession session(proxy);
          session.client(from_client.substr(0, cut));
          for (std::size_t i = 0; i < replied && session.to_server.size() > 1; ++i) {
            session.server(replies[i]);
          }
          if (client_dies) {
            session.client_closes();
          } else if (!session.to_server.empty()) {
            session.server_closes();
          }
        }
        EXPECT_EQ(proxy.gate.snapshot().active, 0U) << cut << " " << replied;
        EXPECT_EQ(proxy.gate.snapshot().held, 0U) << cut << " " << replied;
        EXPECT_EQ(proxy.gate.snapshot().waiting, 0U) << cut << " " << replied;
        EXPECT_EQ(proxy.quota.taken(), 0U) << cut << " " << replied;
      }
    }
  }
}

// ---- What an observer is told.

class ObservedSessionTest : public SessionTest {
 protected:
  ObservedSessionTest() { proxy_.observe_ends(); }
  using How = EndedOperation::How;

  // The only one there is.
  const ScriptedProxy::End& end() {
    EXPECT_EQ(proxy_.ends.size(), 1U);
    static const ScriptedProxy::End kNone{};
    return proxy_.ends.empty() ? kNone : proxy_.ends.front();
  }
};

TEST_F(ObservedSessionTest, AnExecutedOperationIsToldWithItsTimes) {
  occupy();
  proxy_.now += 10ms;
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(2) /* priority='t1' */"));
  proxy_.now += 7ms;
  release();
  ASSERT_TRUE(waiter.take_verdict());
  proxy_.ends.clear();
  proxy_.now += 30ms;
  waiter.server(error_response("22012") + ready());
  EXPECT_EQ(end().how, How::executed);
  EXPECT_EQ(end().profile.priority.tier(), Tier::t1);
  EXPECT_NE(end().profile.fingerprint, 0U);
  EXPECT_EQ(end().offered_at, kStart + 10ms);
  EXPECT_EQ(end().verdict.waited, 7ms);
  EXPECT_EQ(end().verdict.active, 1U);
  EXPECT_EQ(end().service, 30ms);
  EXPECT_EQ(end().paused, 0ms);
  EXPECT_EQ(end().outcome, Outcome::error);
  EXPECT_EQ(end().statements, 1U);
  EXPECT_FALSE(end().is_transaction);
}

TEST_F(ObservedSessionTest, ARefusedOperationIsToldWithItsReason) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(2)"));
  expire();
  ASSERT_TRUE(waiter.take_verdict());
  EXPECT_EQ(end().how, How::shed);
  EXPECT_EQ(end().verdict.reason, ShedReason::queue_timeout);
  EXPECT_EQ(end().verdict.waited, 500ms);
  EXPECT_EQ(end().offered_at, kStart);
}

TEST_F(ObservedSessionTest, AnOperationWhoseClientLeavesTheQueueIsToldAsWithdrawn) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(2)"));
  waiter.client_closes();
  EXPECT_EQ(end().how, How::withdrawn);
}

// The verdict crosses the client's leaving.
TEST_F(ObservedSessionTest, AVerdictThatNobodyTookIsStillTold) {
  occupy();
  ScriptedSession waiter(proxy_);
  waiter.log_in();
  waiter.client(query("SELECT f(2)"));
  expire();
  waiter.client_closes();
  EXPECT_EQ(end().how, How::shed);

  proxy_.ends.clear();
  ScriptedSession admitted(proxy_);
  admitted.log_in();
  admitted.client(query("SELECT f(2)"));
  release();
  proxy_.ends.clear();
  admitted.client_closes();
  EXPECT_EQ(end().how, How::executed);
  EXPECT_EQ(end().outcome, Outcome::abandoned);
}

TEST_F(ObservedSessionTest, OfATransactionTheClientsPausesAreToldApart) {
  holder_.log_in();
  holder_.client(query("BEGIN"));
  proxy_.now += 1ms;
  holder_.server(command_complete("BEGIN") + ready('T'));
  proxy_.now += 10ms;  // With the slot.
  holder_.client(query("UPDATE t SET x = 2"));
  proxy_.now += 5ms;
  holder_.server(command_complete() + ready('T'));
  proxy_.now += 20ms;
  holder_.session->on_client_stalled(proxy_.now);
  proxy_.now += 100ms;  // Without.
  holder_.client(query("COMMIT"));
  proxy_.now += 2ms;
  EXPECT_TRUE(proxy_.ends.empty());
  holder_.server(command_complete("COMMIT") + ready('I'));
  EXPECT_EQ(end().service, 8ms);
  EXPECT_EQ(end().paused, 130ms);
  EXPECT_EQ(end().statements, 3U);
  EXPECT_TRUE(end().is_transaction);
}

TEST_F(ObservedSessionTest, ATransactionWhoseClientVanishesInAPauseIsToldOnce) {
  holder_.log_in();
  holder_.client(query("BEGIN"));
  proxy_.now += 1ms;
  holder_.server(command_complete("BEGIN") + ready('T'));
  proxy_.now += 10ms;
  holder_.client_closes();
  EXPECT_EQ(end().outcome, Outcome::abandoned);
  EXPECT_EQ(end().service, 1ms);
  EXPECT_EQ(end().paused, 10ms);
  EXPECT_TRUE(end().is_transaction);
}

TEST_F(ObservedSessionTest, OfAPipelineTheFirstIsToldWithItsServiceAndTheOthersAsRiders) {
  holder_.log_in();
  holder_.client(query("SELECT f(1)") + query("SELECT f(2)") + query("SELECT f(3)"));
  ASSERT_EQ(proxy_.ends.size(), 2U);
  EXPECT_EQ(proxy_.ends[0].how, How::ridden);
  EXPECT_EQ(proxy_.ends[1].how, How::ridden);
  proxy_.ends.clear();
  proxy_.now += 4ms;
  holder_.server(command_complete() + ready());
  EXPECT_EQ(end().how, How::executed);
  EXPECT_EQ(end().service, 4ms);
  proxy_.now += 4ms;
  holder_.server(command_complete() + ready() + command_complete() + ready());
  EXPECT_EQ(holder_.state(), State::idle);
  EXPECT_EQ(proxy_.ends.size(), 1U);
}

TEST_F(ObservedSessionTest, ControlIsNoOperation) {
  holder_.log_in();
  holder_.client(query("SET x = 1"));
  holder_.server(command_complete("SET") + ready());
  EXPECT_TRUE(proxy_.ends.empty());
}

}  // namespace
}  // namespace loadline::session
