// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/dialogue.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/pg_messages.h"

namespace loadline::postgres {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): messages read like a script.
using Kind = wire::ClientStep::Kind;
using Event = wire::ServerStep::Event;

// Runs a dialogue as a session would that admits everything, and writes down what came of it.
class DialogueTest : public testing::Test {
 protected:
  // What the client sends; unused bytes are kept, as a connection would.
  void client(std::string_view bytes) {
    input_ += bytes;
    while (!input_.empty()) {
      const wire::ClientStep step = dialogue_->next_client(bytes_of(input_));
      const auto used = std::string_view(input_).substr(0, step.size);
      switch (step.kind) {
        case Kind::need_more:
          return;
        case Kind::forward:
        case Kind::leave:
          to_server_ += used;
          break;
        case Kind::discard:
          break;
        case Kind::reply:
        case Kind::broken:
          to_client_ += text_of(step.reply);
          if (step.kind == Kind::broken) {
            broken_ = true;
            input_.clear();
            return;
          }
          break;
        case Kind::login:
          user_ = step.login.user;
          dialogue_->backend_connected();
          break;
        case Kind::cancel:
          cancelled_key_ = text_of(step.reply);
          break;
        case Kind::statement:
          statements_ +=
              std::string(step.statement.text) + (step.statement.starts_batch ? ";" : "+;");
          if (refuse_next_) {
            refuse_next_ = false;
            std::array<std::byte, wire::kReplyMax> out{};
            to_client_ += text_of(dialogue_->refuse({.code = "53000", .message = "shed"}, out));
          } else {
            dialogue_->admit();
          }
          break;
      }
      input_.erase(0, step.size);
    }
  }

  void server(std::string_view bytes) {
    while (!bytes.empty()) {
      const wire::ServerStep step = dialogue_->next_server(bytes_of(bytes));
      ASSERT_NE(step.event, Event::broken);
      to_client_ += bytes.substr(0, step.size);
      bytes.remove_prefix(step.size);
      if (step.event == Event::ready) ++ready_count_;
    }
  }

  void log_in() {
    client(startup());
    server(logged_in());
    to_server_.clear();
    to_client_.clear();
  }

  static std::string shed_error() {
    return message('E', cstr("SERROR") + cstr("VERROR") + cstr("C53000") + cstr("Mshed") + '\0');
  }

  void restart() {
    dialogue_.emplace();
    input_.clear();
    broken_ = false;
  }

  std::optional<Dialogue> dialogue_{std::in_place};
  std::string input_;
  std::string to_server_;
  std::string to_client_;
  std::string statements_;
  std::string user_;
  std::string cancelled_key_;
  bool refuse_next_ = false;
  bool broken_ = false;
  int ready_count_ = 0;
};

TEST_F(DialogueTest, PassesTheStartupAndTheAuthenticationAsTheyAre) {
  client(startup({"user", "ann"}));
  EXPECT_EQ(to_server_, startup({"user", "ann"}));
  EXPECT_EQ(user_, "ann");
  server(message('R', be32(3)));
  client(message('p', cstr("secret")));
  EXPECT_EQ(to_server_, startup({"user", "ann"}) + message('p', cstr("secret")));
  server(logged_in(7, 42));
  EXPECT_EQ(to_client_, message('R', be32(3)) + logged_in(7, 42));
  EXPECT_EQ(text_of(dialogue_->cancel_key()), be32(7) + be32(42));
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, DeclinesEncryptionOfEitherKindInEitherOrder) {
  client(untagged(kGssencRequestCode));
  client(untagged(kSslRequestCode));
  EXPECT_EQ(to_client_, "NN");
  EXPECT_EQ(to_server_, "");
  client(startup());
  EXPECT_EQ(to_server_, startup());
}

TEST_F(DialogueTest, AClientThatAsksForEncryptionForeverIsNone) {
  client(untagged(kSslRequestCode));
  client(untagged(kSslRequestCode));
  EXPECT_TRUE(broken_);
}

TEST_F(DialogueTest, StatementsSentBeforeTheLoginIsCompleteWaitForIt) {
  client(startup());
  to_server_.clear();
  client(query("SELECT 1"));
  EXPECT_EQ(to_server_, "");
  server(logged_in());
  client("");
  EXPECT_EQ(to_server_, query("SELECT 1"));
}

TEST_F(DialogueTest, ReadsCancelRequests) {
  client(untagged(kCancelRequestCode, be32(7) + be32(42)));
  EXPECT_EQ(cancelled_key_, be32(7) + be32(42));
}

TEST_F(DialogueTest, WritesTheCancelRequestThatItReads) {
  std::array<std::byte, 64> out{};
  const std::string key = be32(7) + be32(42);
  EXPECT_EQ(text_of(dialogue_->write_cancel(bytes_of(key), out)),
            untagged(kCancelRequestCode, key));
}

TEST_F(DialogueTest, AQueryOwesOneReplyHoweverManyStatementsItHas) {
  log_in();
  client(query("SELECT 1; SELECT 2"));
  EXPECT_EQ(statements_, "SELECT 1; SELECT 2;");
  EXPECT_EQ(dialogue_->owed(), 1U);
  server(command_complete() + command_complete() + ready());
  EXPECT_EQ(dialogue_->owed(), 0U);
  EXPECT_EQ(ready_count_, 1);
}

TEST_F(DialogueTest, ABatchIsAnnouncedOnceAndOwesOneReplyAtItsSync) {
  log_in();
  client(parse("", "INSERT 1") + bind("", "") + execute() + parse("", "INSERT 2") + bind("", "") +
         execute());
  EXPECT_EQ(statements_, "INSERT 1;INSERT 2+;");
  EXPECT_EQ(dialogue_->owed(), 0U);
  EXPECT_TRUE(dialogue_->engaged());
  client(sync());
  EXPECT_EQ(dialogue_->owed(), 1U);
  server(ready());
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, ThousandsOfPipelinedQueriesAreCounted) {
  log_in();
  std::string pipeline;
  for (int i = 0; i < 10'000; ++i) pipeline += query("SELECT 1");
  client(pipeline);
  EXPECT_EQ(dialogue_->owed(), 10'000U);
  EXPECT_EQ(to_server_, pipeline);
  for (int i = 0; i < 10'000; ++i) server(command_complete() + ready());
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, ARefusedQueryIsAnsweredWithAnErrorAndItsReadyForQuery) {
  log_in();
  refuse_next_ = true;
  client(query("SELECT 1") + query("SELECT 2"));
  EXPECT_EQ(to_client_, shed_error() + ready('I'));
  EXPECT_EQ(to_server_, query("SELECT 2"));
}

// Exactly one ReadyForQuery per Sync: the refused batch's is given when its Sync comes.
TEST_F(DialogueTest, ARefusedBatchIsSkippedToItsSync) {
  log_in();
  refuse_next_ = true;
  client(parse("", "INSERT") + bind("", "") + execute() + flush());
  EXPECT_EQ(to_client_, shed_error());
  client(query("SELECT 'also skipped'") + sync());
  EXPECT_EQ(to_client_, shed_error() + ready('I'));
  EXPECT_EQ(to_server_, "");
  client(query("SELECT 2"));
  EXPECT_EQ(to_server_, query("SELECT 2"));
}

TEST_F(DialogueTest, AHugeRefusedStatementIsDroppedAsItStreams) {
  log_in();
  refuse_next_ = true;
  const std::string huge = query(std::string(200'000, ' '));
  for (std::size_t at = 0; at < huge.size(); at += 1000) client(huge.substr(at, 1000));
  client(query("SELECT 2"));
  EXPECT_EQ(to_client_, shed_error() + ready('I'));
  EXPECT_EQ(to_server_, query("SELECT 2"));
}

TEST_F(DialogueTest, FollowsTheTransactionByTheServersWord) {
  log_in();
  client(query("BEGIN"));
  server(command_complete("BEGIN") + ready('T'));
  EXPECT_TRUE(dialogue_->in_transaction());
  client(query("COMMIT"));
  EXPECT_TRUE(dialogue_->in_transaction());
  server(command_complete("COMMIT") + ready('I'));
  EXPECT_FALSE(dialogue_->in_transaction());
}

TEST_F(DialogueTest, AFailedTransactionIsStillOpen) {
  log_in();
  client(query("BEGIN"));
  server(ready('T'));
  client(query("nonsense"));
  server(error_response("42601") + ready('E'));
  EXPECT_TRUE(dialogue_->in_transaction());
  EXPECT_EQ(dialogue_->reply_outcome(), wire::ReplyOutcome::error);
}

TEST_F(DialogueTest, TellsOverloadFromOtherErrors) {
  log_in();
  client(query("SELECT 1") + query("SELECT 2"));
  server(error_response("53200") + ready());
  EXPECT_EQ(dialogue_->reply_outcome(), wire::ReplyOutcome::overload);
  server(command_complete() + ready());
  EXPECT_EQ(dialogue_->reply_outcome(), wire::ReplyOutcome::ok);
}

TEST_F(DialogueTest, ASyncSentBehindACopyIsIgnoredByTheServerAndOwedByNobody) {
  log_in();
  client(parse("", "COPY t FROM STDIN") + bind("", "") + execute() + sync());
  EXPECT_EQ(dialogue_->owed(), 1U);
  server(message('1', {}) + message('2', {}) + copy_in_response());
  EXPECT_EQ(dialogue_->owed(), 0U);
  EXPECT_TRUE(dialogue_->awaits_client());
  EXPECT_FALSE(dialogue_->at_rest());
  client(copy_data("1\n") + copy_done() + sync());
  EXPECT_EQ(dialogue_->owed(), 1U);
  server(command_complete("COPY 1") + ready());
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, ACopyByASimpleQueryOwesTheQuerysReplyOnly) {
  log_in();
  client(query("COPY t FROM STDIN"));
  server(copy_in_response());
  EXPECT_EQ(dialogue_->owed(), 1U);
  EXPECT_TRUE(dialogue_->awaits_client());
  client(copy_data("1\n") + sync() + copy_done());
  EXPECT_EQ(dialogue_->owed(), 1U);
  server(command_complete("COPY 1") + ready());
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, ACopySentWithoutWaitingForTheServerIsCountedTheSame) {
  log_in();
  client(parse("", "COPY t FROM STDIN") + bind("", "") + execute() + sync() + copy_data("1\n") +
         copy_done() + sync());
  server(message('1', {}) + message('2', {}) + copy_in_response() + command_complete("COPY 1") +
         ready());
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, AnErrorDuringACopyEndsIt) {
  log_in();
  client(query("COPY t FROM STDIN"));
  server(copy_in_response());
  client(copy_data("nonsense\n"));
  server(error_response("22P02") + ready());
  EXPECT_TRUE(dialogue_->at_rest());
  client(copy_done());  // Sent before the client had read the error; the server ignores it.
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, AwaitsTheClientInTheMiddleOfAMessageAndOfABatch) {
  log_in();
  client(query(std::string(50'000, ' ')).substr(0, 20'000));
  EXPECT_TRUE(dialogue_->awaits_client());
}

TEST_F(DialogueTest, ABatchWithoutSyncOrFlushLeavesTheServerWaiting) {
  log_in();
  client(parse("", "SELECT 1"));
  EXPECT_TRUE(dialogue_->awaits_client());
  client(flush());
  EXPECT_FALSE(dialogue_->awaits_client());  // It may be working on it.
  server(message('1', {}));
  EXPECT_TRUE(dialogue_->awaits_client());
  client(sync());
  EXPECT_FALSE(dialogue_->awaits_client());
}

// JDBC closes an old statement in the batch of the next one.
TEST_F(DialogueTest, ABatchIsAnnouncedAtItsFirstStatementWhateverHarmlessComesBefore) {
  log_in();
  client(close_statement("old") + flush());
  EXPECT_TRUE(dialogue_->answers_due());
  server(message('3', {}));
  EXPECT_FALSE(dialogue_->answers_due());
  refuse_next_ = true;
  client(parse("", "INSERT") + bind("", "") + execute());
  EXPECT_EQ(statements_, "INSERT;");
  EXPECT_EQ(to_client_, message('3', {}) + shed_error());
  // The server has seen the beginning, so the Sync is for it to answer.
  client(sync());
  EXPECT_EQ(to_server_, close_statement("old") + flush() + sync());
  server(ready());
  EXPECT_EQ(to_client_, message('3', {}) + shed_error() + ready());
  EXPECT_TRUE(dialogue_->at_rest());
}

TEST_F(DialogueTest, ABatchThatHasFailedIsSkippedByTheServerAndNeedsNoVerdict) {
  log_in();
  client(message('D', "S" + cstr("nope")) + flush());
  server(error_response("26000"));
  client(parse("", "INSERT"));
  EXPECT_EQ(statements_, "INSERT+;");
}

TEST_F(DialogueTest, CloseAndSyncPassUnannounced) {
  log_in();
  client(close_statement("s1") + sync());
  EXPECT_EQ(statements_, "");
  EXPECT_EQ(dialogue_->owed(), 1U);
}

TEST_F(DialogueTest, ReportsTheApplicationsNewName) {
  log_in();
  const std::string renamed = parameter("application_name", "batch");
  EXPECT_EQ(dialogue_->next_server(bytes_of(renamed)).event, Event::renamed);
  EXPECT_EQ(dialogue_->application(), "batch");
}

TEST_F(DialogueTest, UnknownMessagesBreakOff) {
  log_in();
  client("z" + be32(4));
  EXPECT_TRUE(broken_);
  EXPECT_NE(to_client_.find("C08P01"), std::string::npos);
}

TEST_F(DialogueTest, ImpossibleLengthsBreakOffBeforeAnythingIsKept) {
  for (const auto& header : {"Q" + be32(3), "Q" + be32(0x7fffffff), "S" + be32(20'000),
                             "Q" + be32(0xffffffff), "X" + be32(0x3fffffff)}) {
    restart();
    log_in();
    client(header);
    EXPECT_TRUE(broken_) << testing::PrintToString(header);
  }
}

TEST_F(DialogueTest, APasswordOutsideTheLoginBreaksOff) {
  log_in();
  client(message('p', cstr("secret")));
  EXPECT_TRUE(broken_);
}

TEST_F(DialogueTest, NothingOfOursGoesIntoTheMiddleOfAMessage) {
  log_in();
  server(data_row(std::string(100, 'x')).substr(0, 50));
  EXPECT_TRUE(dialogue_->server_mid_message());
  std::array<std::byte, wire::kReplyMax> out{};
  EXPECT_TRUE(dialogue_->write_farewell(wire::Farewell::upstream_lost, {}, out).empty());
}

TEST_F(DialogueTest, FarewellsSayWhatDriversActOn) {
  using enum wire::Farewell;
  std::array<std::byte, wire::kReplyMax> out{};
  const auto says = [&](wire::Farewell why, std::string_view sqlstate) {
    const std::string text = text_of(dialogue_->write_farewell(why, "why", out));
    return text.find("SFATAL") != std::string::npos &&
           text.find("C" + std::string(sqlstate)) != std::string::npos &&
           text.find("Dwhy") != std::string::npos;
  };
  EXPECT_TRUE(says(too_many_clients, "53300"));
  EXPECT_TRUE(says(too_many_backends, "53300"));
  EXPECT_TRUE(says(draining, "57P03"));
  EXPECT_TRUE(says(shutting_down, "57P01"));
  EXPECT_TRUE(says(upstream_unreachable, "57P03"));
  EXPECT_TRUE(says(upstream_lost, "08006"));
  EXPECT_TRUE(says(login_timeout, "08P01"));
  EXPECT_TRUE(says(bad_bytes_from_upstream, "08P01"));
}

// The one property that everything rests on: what is forwarded is what was sent, however it was
// cut.
TEST_F(DialogueTest, IsTransparentHoweverTheStreamIsCut) {
  const std::string from_client = query("SELECT 1") + parse("s", "SELECT $1") + bind("", "s") +
                                  execute() + sync() + close_statement("s") + sync() + terminate();
  const std::string from_server = command_complete() + ready() + message('1', {}) +
                                  message('2', {}) + data_row("abc") + command_complete() +
                                  ready() + message('3', {}) + ready();
  for (std::size_t chunk_size = 1; chunk_size < from_client.size(); ++chunk_size) {
    restart();
    log_in();
    for (std::size_t at = 0; at < from_client.size(); at += chunk_size) {
      client(from_client.substr(at, chunk_size));
    }
    for (std::size_t at = 0; at < from_server.size(); at += chunk_size) {
      server(from_server.substr(at, chunk_size));
    }
    EXPECT_EQ(to_server_, from_client) << "chunk_size=" << chunk_size;
    EXPECT_EQ(to_client_, from_server) << "chunk_size=" << chunk_size;
    EXPECT_TRUE(dialogue_->at_rest()) << "chunk_size=" << chunk_size;
  }
}

}  // namespace
}  // namespace loadline::postgres
