// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/client_dialogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace loadline::postgres {
namespace {

using namespace std::string_literals;
using Kind = wire::ClientEvent::Kind;
using wire::TransactionState;

std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}
std::string message(char tag, const std::string& body) {
  return tag + be32(static_cast<std::uint32_t>(body.size() + 4)) + body;
}
std::string authentication(std::uint32_t request, const std::string& body = "") {
  return message('R', be32(request) + body);
}
std::string ready(char state = 'I') { return message('Z', std::string(1, state)); }
std::string error(const std::string& severity, const std::string& code,
                  const std::string& hint = "") {
  return message('E', "S"s + severity + '\0' + "V" + severity + '\0' + "C" + code + '\0' +
                          "Mno room\0"s + "Dreason\0"s + (hint.empty() ? "" : "H" + hint + '\0') +
                          '\0');
}
std::string row() { return message('D', "\0\1\0\0\0\1x"s); }

const std::string kLogin = authentication(0) + message('S', "TimeZone\0UTC\0"s) +
                           message('K', "\0\0\0\7\1\2\3\4"s) + ready();

struct Seen {
  Kind kind = Kind::none;
  TransactionState transaction = TransactionState::idle;
  std::uint64_t rows = 0;
  std::string sqlstate = {};

  bool operator==(const Seen&) const = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {  // NOLINT: GoogleTest's name.
  *out << static_cast<int>(seen.kind) << " tx " << static_cast<int>(seen.transaction) << " rows "
       << seen.rows << " " << seen.sqlstate;
}

// A dialogue with a scripted server behind it.
class Peer {
 public:
  explicit Peer(wire::ClientLogin login = {.user = "u", .password = "p"},
                std::size_t chunk_size = 1 << 20)
      : dialogue_(login, wire::Entropy{}, memo_), chunk_size_(chunk_size) {}

  void receive(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += chunk_size_) {
      const std::string chunk = bytes.substr(at, chunk_size_);
      dialogue_.on_bytes(std::as_bytes(std::span(chunk)));
    }
  }
  std::vector<Seen> events() {
    std::vector<Seen> seen;
    while (true) {
      const wire::ClientEvent event = dialogue_.next_event();
      if (event.kind == Kind::none) return seen;
      seen.push_back({event.kind, event.transaction, event.rows, event.error.sqlstate});
    }
  }
  std::string sent() {
    std::string out;
    dialogue_.take_output(out);
    return out;
  }
  void log_in() {
    receive(kLogin);
    ASSERT_EQ(events(), std::vector<Seen>{{Kind::ready}});
    static_cast<void>(sent());
  }
  ClientDialogue& dialogue() { return dialogue_; }

 private:
  ScramKeyMemo memo_;
  ClientDialogue dialogue_;
  std::size_t chunk_size_;
};

TEST(ClientDialogue, BeginsWithTheStartupPacket) {
  Peer peer({.user = "u", .database = "d", .application_name = "a", .options = "-c x=y"});
  const std::string settings = "user\0u\0database\0d\0application_name\0a\0options\0-c x=y\0\0"s;
  EXPECT_EQ(peer.sent(),
            be32(static_cast<std::uint32_t>(8 + settings.size())) + "\0\3\0\0"s + settings);
}

TEST(ClientDialogue, AnswersEveryKindOfPasswordRequest) {
  Peer clear({.user = "u", .password = "p"});
  static_cast<void>(clear.sent());
  clear.receive(authentication(3));
  EXPECT_EQ(clear.sent(), message('p', "p\0"s));

  Peer md5({.user = "alice", .password = "secret"});
  static_cast<void>(md5.sent());
  md5.receive(authentication(5, "\1\2\3\4"));
  EXPECT_EQ(md5.sent(), message('p', "md598a0412b9c31436fc53776e863350083\0"s));

  Peer scram;
  static_cast<void>(scram.sent());
  scram.receive(authentication(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s));
  const std::string first = "n,,n=,r=" + std::string(24, 'A');  // Entropy of zeros.
  EXPECT_EQ(scram.sent(), message('p', "SCRAM-SHA-256\0"s +
                                           be32(static_cast<std::uint32_t>(first.size())) + first));
  EXPECT_THAT(scram.events(), testing::IsEmpty());
}

TEST(ClientDialogue, RefusesAServerThatBreaksScramOff) {
  Peer peer;
  peer.receive(authentication(10, "SCRAM-SHA-256\0\0"s) + authentication(0) + ready());
  EXPECT_EQ(peer.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "28000"}}));
}

TEST(ClientDialogue, RefusesWhatItCannotAnswer) {
  for (const std::string& request :
       {authentication(7), authentication(10, "SCRAM-SHA-256-PLUS\0\0"s), authentication(11, "r=x"),
        authentication(12, "v=x"), authentication(5, "\1")}) {
    Peer peer;
    peer.receive(request);
    EXPECT_EQ(peer.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "28000"}}));
  }
  Peer without_password({.user = "u"});
  without_password.receive(authentication(3));
  EXPECT_EQ(without_password.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "28000"}}));
}

TEST(ClientDialogue, ARefusedLoginClosesWithTheServersReason) {
  Peer peer;
  peer.receive(error("FATAL", "53300"));
  EXPECT_EQ(peer.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "53300"}}));
  peer.dialogue().on_peer_closed();
  EXPECT_THAT(peer.events(), testing::IsEmpty());
}

// A client sees TCP segments, not messages: every way to cut the stream must read the same.
TEST(ClientDialogue, EventsDoNotDependOnHowTheStreamIsCut) {
  const std::vector<std::string> answers = {
      kLogin,
      message('T', "\0\0"s) + row() + row() + message('C', "SELECT 2\0"s) + ready('T'),
      message('N', "Snotice\0\0"s) + error("ERROR", "53000", "retry_after_ms=120") + ready('E'),
      message('C', "ROLLBACK\0"s) + ready(),
      error("FATAL", "57P01"),
  };
  const std::vector<Seen> expected = {
      {Kind::ready},
      {Kind::ready, TransactionState::open, 2, ""},
      {Kind::error, TransactionState::idle, 0, "53000"},
      {Kind::ready, TransactionState::failed, 0, ""},
      {Kind::ready},
      {Kind::closed, TransactionState::idle, 0, "57P01"},
  };
  // One query is answered before the next is sent, so a chunk never holds parts of two answers.
  std::size_t longest = 0;
  for (const std::string& answer : answers) longest = std::max(longest, answer.size());
  for (std::size_t chunk_size = 1; chunk_size <= longest; ++chunk_size) {
    Peer peer({.user = "u"}, chunk_size);
    std::vector<Seen> seen;
    for (const std::string& answer : answers) {
      peer.receive(answer);
      const auto events = peer.events();
      seen.insert(seen.end(), events.begin(), events.end());
      if (events.back().kind == Kind::ready) peer.dialogue().query("select 1", {});
    }
    EXPECT_EQ(seen, expected) << "chunk_size=" << chunk_size;
  }
}

TEST(ClientDialogue, ReadsTheHintOfARefusal) {
  const auto retry_after = [](const std::string& hint) {
    Peer peer;
    peer.log_in();
    peer.dialogue().query("select 1", {});
    peer.receive(error("ERROR", "53000", hint));
    return peer.dialogue().next_event().error.retry_after;
  };
  using std::chrono::milliseconds;
  EXPECT_EQ(retry_after("Try again: retry_after_ms=120."), milliseconds(120));
  EXPECT_EQ(retry_after("retry_after_ms: 7"), milliseconds(7));
  EXPECT_EQ(retry_after("retry_after_ms=99999999999"), std::chrono::hours(1));
  EXPECT_EQ(retry_after("retry_after_ms=soon"), std::nullopt);
  EXPECT_EQ(retry_after("Try again later."), std::nullopt);
}

TEST(ClientDialogue, TellsAllPartsOfAnError) {
  Peer peer;
  peer.log_in();
  peer.dialogue().query("select 1", {});
  peer.receive(error("ERROR", "53000", "wait"));
  const wire::ServerError told = peer.dialogue().next_event().error;
  EXPECT_EQ(told.message, "no room");
  EXPECT_EQ(told.detail, "reason");
  EXPECT_EQ(told.hint, "wait");
}

TEST(ClientDialogue, CutsAnErrorThatIsTooLongAndReadsOn) {
  Peer peer;
  peer.log_in();
  peer.dialogue().query("select 1", {});
  peer.receive(
      message('E', "C42601\0M"s + std::string(ClientDialogue::kGatheredMax * 2, 'x') + "\0\0"s) +
      ready());
  const wire::ClientEvent event = peer.dialogue().next_event();
  EXPECT_EQ(event.error.sqlstate, "42601");
  EXPECT_LT(event.error.message.size(), ClientDialogue::kGatheredMax);
  EXPECT_EQ(peer.events(), std::vector<Seen>{{Kind::ready}});
}

TEST(ClientDialogue, ImpossibleLengthsEndIt) {
  for (const std::string& header : {"D\0\0\0\3"s, "D\xff\xff\xff\xff"s, "Z\x7f\0\0\0"s}) {
    Peer peer;
    peer.log_in();
    peer.receive(header);
    EXPECT_EQ(peer.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "08P01"}}));
  }
}

TEST(ClientDialogue, AnAnswerThatNobodyAskedForEndsIt) {
  Peer peer;
  peer.log_in();
  peer.receive(ready());
  EXPECT_EQ(peer.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "08P01"}}));
}

TEST(ClientDialogue, ALostConnectionIsToldOnce) {
  Peer peer;
  peer.log_in();
  peer.dialogue().on_peer_closed();
  peer.dialogue().on_peer_closed();
  EXPECT_EQ(peer.events(), (std::vector<Seen>{{Kind::closed, {}, 0, "08006"}}));
}

TEST(ClientDialogue, SendsASimpleQuery) {
  Peer peer;
  peer.log_in();
  peer.dialogue().query("select 1", {});
  EXPECT_EQ(peer.sent(), message('Q', "select 1\0"s));
}

TEST(ClientDialogue, PreparesATextOnceAndOnlyIfTheServerTookIt) {
  Peer peer({.user = "u", .mode = wire::QueryMode::prepared});
  peer.log_in();
  const std::vector<std::string> values = {"42"};
  const std::string run_behind_parse = message('E', "\0\0\0\0\0"s) + message('S', "");
  const auto bind = [](const std::string& name) {
    return message('B', "\0"s + name + "\0\0\0\0\1\0\0\0\2"s + "42" + "\0\0"s);
  };

  peer.dialogue().query("select $1", values);
  EXPECT_EQ(peer.sent(), message('P', "b1\0select $1\0\0\0"s) + bind("b1") + run_behind_parse);
  peer.receive(error("ERROR", "53000") + ready());  // Shed: it isn't prepared.

  peer.dialogue().query("select $1", values);
  EXPECT_EQ(peer.sent(), message('P', "b2\0select $1\0\0\0"s) + bind("b2") + run_behind_parse);
  peer.receive(message('1', "") + message('2', "") + row() + ready());

  peer.dialogue().query("select $1", values);
  EXPECT_EQ(peer.sent(), bind("b2") + run_behind_parse);
}

TEST(ClientDialogue, ExtendedModeParsesEveryTime) {
  Peer peer({.user = "u", .mode = wire::QueryMode::extended});
  peer.log_in();
  for (int i = 0; i < 2; ++i) {
    peer.dialogue().query("select 1", {});
    EXPECT_TRUE(peer.sent().starts_with(message('P', "\0select 1\0\0\0"s)));
    peer.receive(message('1', "") + message('2', "") + ready());
  }
}

TEST(ClientDialogue, RefusesToCopyIn) {
  Peer peer({.user = "u", .mode = wire::QueryMode::extended});
  peer.log_in();
  peer.dialogue().query("copy t from stdin", {});
  static_cast<void>(peer.sent());
  peer.receive(message('G', "\0\0\0"s));
  const std::string sent = peer.sent();
  EXPECT_TRUE(sent.starts_with('f'));
  EXPECT_TRUE(sent.ends_with(message('S', "")));
}

TEST(ClientDialogue, AsksForACancelWithTheServersKey) {
  Peer peer;
  EXPECT_EQ(peer.dialogue().cancel_request(), "");
  peer.log_in();
  EXPECT_EQ(peer.dialogue().cancel_request(), be32(16) + be32(80877102) + "\0\0\0\7\1\2\3\4"s);
}

TEST(ClientDialogue, SaysGoodbye) {
  Peer peer;
  peer.log_in();
  peer.dialogue().end();
  EXPECT_EQ(peer.sent(), message('X', ""));
  peer.dialogue().on_peer_closed();
  EXPECT_THAT(peer.events(), testing::IsEmpty());
}

}  // namespace
}  // namespace loadline::postgres
