// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/session/action.h"
#include "proxy/session/classifier.h"
#include "proxy/session/environment.h"
#include "proxy/session/statement_cache.h"
#include "proxy/wire/dialogue.h"
#include "shedder/operation.h"

namespace loadline::session {

// One client, its backend, and its operation's way through the gate: events in, actions out. Owns
// no socket, timer or clock, and knows no protocol: that is the dialogue's.
//
// After each event call next_action() until it says none. Bytes given to feed_…() must stay where
// they are until then; server bytes are always used up, of client bytes unconsumed() may be left,
// to be fed again, with more behind them or after the next event. Not thread-safe.
class Session {
 public:
  // `refuse_login`: the client may only be told why not, or cancel another session's statement.
  Session(Environment& environment, std::unique_ptr<wire::Dialogue> dialogue,
          const ClientAddress& address, std::optional<wire::Farewell> refuse_login, TimePoint now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void feed_client(std::span<const std::byte> bytes) noexcept {
    client_in_ = bytes;
    need_more_ = false;
  }
  void feed_server(std::span<const std::byte> bytes) noexcept { server_in_ = bytes; }
  [[nodiscard]] std::span<const std::byte> unconsumed() const noexcept { return client_in_; }

  void on_server_connected() noexcept;
  void on_connect_failed(std::string_view reason, TimePoint now) noexcept;
  void on_client_closed(TimePoint now) noexcept;
  void on_server_closed(TimePoint now) noexcept;
  // The gate has decided on the waiting operation.
  void on_verdict(TimePoint now) noexcept;
  // Another connection asked to cancel this session's statement.
  void on_cancel(TimePoint now) noexcept;
  // deadline() has passed.
  void on_timeout(TimePoint now) noexcept;
  // The database has been waiting for this client for so long that its slot is better used by
  // others.
  void on_client_stalled(TimePoint now) noexcept;
  // The client takes bytes again.
  void on_client_drained(TimePoint now) noexcept;
  // The proxy is stopping: end at the next moment when nothing is under way.
  void on_drain() noexcept;
  // ... and has waited for that moment for long enough.
  void on_cut(TimePoint now) noexcept;

  [[nodiscard]] Action next_action(TimePoint now) noexcept;

  // TimePoint::max() if there is none.
  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }
  // An operation has a slot while the backend waits for this client: for the rest of something, or
  // for the next statement of its transaction.
  [[nodiscard]] bool awaits_client() const noexcept {
    return is(Operation::State::active) && (dialogue_->awaits_client() || !dialogue_->engaged());
  }
  // The last words to the client, if there were any of ours.
  [[nodiscard]] std::optional<wire::Farewell> farewell() const noexcept { return farewell_; }
  // The client sent what no client of its protocol sends.
  [[nodiscard]] bool client_was_broken() const noexcept { return client_was_broken_; }
  [[nodiscard]] bool is_waiting() const noexcept { return waiting_; }
  [[nodiscard]] Operation& operation() noexcept { return operation_; }
  [[nodiscard]] const ConnectionFacts& facts() const noexcept { return facts_; }

 private:
  enum class State : std::uint8_t {
    startup,     // Until the client has said who it is.
    connecting,  // The backend is being connected.
    login,       // Authentication passes through.
    ready,
    leaving,    // The client has said goodbye; what it had asked for is finished.
    lingering,  // The client vanished; its statement is being cancelled.
    ended,      // finish has been told, or will be next.
  };
  enum class Decision : std::uint8_t { pass, stop, refused };

  // While it waits, the operation's state is the gate's, which may be writing it on another thread.
  [[nodiscard]] bool is(Operation::State state) const noexcept {
    return !waiting_ && operation_.state() == state;
  }
  [[nodiscard]] Action take_output() noexcept;
  [[nodiscard]] Action pump_server(TimePoint now) noexcept;
  [[nodiscard]] Action pump_client(TimePoint now) noexcept;
  [[nodiscard]] bool may_take_client() const noexcept;
  [[nodiscard]] Action act_on(const wire::ClientStep& step, TimePoint now) noexcept;
  [[nodiscard]] Action log_in(const wire::Login& login, TimePoint now) noexcept;
  [[nodiscard]] Action forward_run(std::size_t size, TimePoint now) noexcept;
  void on_logged_in() noexcept;
  void rename() noexcept;
  [[nodiscard]] bool may_rest() const noexcept;

  [[nodiscard]] Decision decide(const wire::Statement& statement, TimePoint now) noexcept;
  [[nodiscard]] Decision decide_new(TimePoint now) noexcept;
  [[nodiscard]] sql::StatementKind classify(const wire::Statement& statement,
                                            TimePoint now) noexcept;
  void refuse(const Verdict& verdict, TimePoint now) noexcept;
  void on_reply_complete(TimePoint now) noexcept;
  void complete(Outcome outcome, TimePoint now) noexcept;
  void withdraw(TimePoint now) noexcept;
  // For the observer, if there is one.
  void begin_course() noexcept;
  void begin_pause(TimePoint now) noexcept;
  void end_pause(TimePoint now) noexcept;
  void tell_executed(Outcome outcome, TimePoint now) noexcept;
  void tell(EndedOperation::How how, const OperationProfile& profile, TimePoint offered_at,
            TimePoint now) noexcept;
  void say_farewell(wire::Farewell why, std::string_view detail, TimePoint now) noexcept;
  void end(Outcome outcome, TimePoint now) noexcept;

  Environment& environment_;
  std::unique_ptr<wire::Dialogue> dialogue_;
  std::span<const std::byte> client_in_;
  std::span<const std::byte> server_in_;
  std::span<const std::byte> reply_;           // To the client, before anything else.
  std::optional<wire::ClientStep> held_step_;  // Follows the run of bytes that was sent first.
  std::optional<wire::Farewell> refuse_login_;
  std::optional<wire::Farewell> farewell_;

  State state_ = State::startup;
  // The operation is in the gate's queue: until the verdict has been taken, its state is the
  // gate's.
  bool waiting_ = false;
  bool parked_ = false;  // A statement is kept back until the replies before it are complete.
  bool ungated_ = false;
  bool client_was_broken_ = false;
  bool need_more_ = false;  // The dialogue can't go on with what client_in_ holds.
  bool has_quota_ = false;
  bool connected_ = false;
  bool client_gone_ = false;
  bool draining_ = false;
  bool register_key_ = false;
  bool close_client_ = false;
  bool send_cancel_ = false;
  bool ask_for_answers_ = false;
  bool send_goodbye_ = false;

  // What an observer is told of the present operation, besides what the gate knows.
  struct Course {
    std::optional<TimePoint> paused_since;  // Its transaction waits for the client.
    Duration paused_with_slot = {};
    std::uint32_t statements = 0;  // Whose replies are complete.
    bool is_told = false;
    bool is_unconditional = false;
  };

  TimePoint deadline_;
  Course course_;
  ConnectionFacts facts_;
  ConnectionClass class_;
  Classification current_;
  StatementCache statements_;
  Operation operation_;
};

}  // namespace loadline::session
