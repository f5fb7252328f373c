// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/postgres/dialogue.h"
#include "proxy/session/session.h"
#include "shedder/gate.h"
#include "tests/support/pg_messages.h"

// A proxy without sockets: real sessions, a real gate, and time that stands still unless told.
namespace loadline::test {

inline constexpr TimePoint kStart{std::chrono::hours(1)};

// What the sessions of one upstream share.
class ScriptedProxy final : public session::DecidedList,
                            public session::ShedObserver,
                            public session::OperationObserver {
 public:
  explicit ScriptedProxy(const GateOptions& gate_options, const config::Policy& policy = {},
                         std::uint32_t backends_max = 100)
      : gate(gate_options, /*worker_count=*/1, /*seed=*/1),
        quota(backends_max),
        environment{.gate = gate,
                    .quota = quota,
                    .decided = *this,
                    .sheds = *this,
                    .ends = nullptr,
                    .classifier = std::make_shared<const session::Classifier>(policy, /*key=*/7),
                    .shed_code = "53000"} {}

  static GateOptions fixed_limit(std::uint32_t limit) {
    GateOptions options;
    options.limit_mode = LimitMode::fixed;
    options.limit_initial = limit;
    options.limit_min = 1;
    return options;
  }

  void on_verdict(Operation& operation) noexcept override { decided.push_back(&operation); }
  void remove(Operation& operation) noexcept override { std::erase(decided, &operation); }
  void on_shed(const Verdict& verdict, const session::Classification& operation,
               TimePoint /*now*/) override {
    const bool is_shed = verdict.kind == Verdict::Kind::shed;
    sheds.emplace_back(is_shed ? verdict.reason : verdict.rehearsed,
                       std::string(operation.tenant.view()));
  }

  void on_end(const session::EndedOperation& operation, TimePoint /*at*/) noexcept override {
    ends.push_back({.how = operation.how,
                    .profile = operation.profile,
                    .verdict = operation.verdict,
                    .offered_at = operation.offered_at,
                    .outcome = operation.outcome,
                    .service = operation.service,
                    .paused = operation.paused,
                    .statements = operation.statements,
                    .is_transaction = operation.is_transaction,
                    .is_unconditional = operation.is_unconditional});
  }
  // From now on operations' ends are noted.
  void observe_ends() { environment.ends = this; }

  // What was told of an operation, copied.
  struct End {
    session::EndedOperation::How how;
    OperationProfile profile;
    Verdict verdict;
    TimePoint offered_at;
    Outcome outcome;
    Duration service;
    Duration paused;
    std::uint32_t statements;
    bool is_transaction;
    bool is_unconditional;
  };

  Gate gate;
  session::BackendQuota quota;
  session::Environment environment;
  std::deque<Operation*> decided;
  std::vector<std::pair<ShedReason, std::string>> sheds;
  std::vector<End> ends;
  TimePoint now = kStart;
};

// One session with both its peers in the hands of a test.
class ScriptedSession {
 public:
  explicit ScriptedSession(ScriptedProxy& proxy,
                           std::optional<wire::Farewell> refuse_login = std::nullopt)
      : proxy_(proxy),
        session(std::in_place, proxy.environment, std::make_unique<postgres::Dialogue>(),
                session::ClientAddress{.is_unix = true}, refuse_login, proxy.now) {
    session->operation().owner = this;
  }
  ~ScriptedSession() {
    if (!finished) {
      session->on_client_closed(proxy_.now);
      session->on_server_closed(proxy_.now);
      drain();
    }
  }
  ScriptedSession(const ScriptedSession&) = delete;
  ScriptedSession& operator=(const ScriptedSession&) = delete;

  void client(std::string_view bytes) {
    input_ += bytes;
    drain();
  }
  void server(std::string_view bytes) {
    const std::string kept(bytes);
    session->feed_server(bytes_of(kept));
    drain();
  }
  void client_closes() {
    session->on_client_closed(proxy_.now);
    drain();
  }
  void server_closes() {
    session->on_server_closed(proxy_.now);
    drain();
  }
  void log_in(std::initializer_list<std::string_view> who = {"user", "ann"}) {
    client(startup(who));
    server(logged_in());
    to_client.clear();
    to_server.clear();
  }
  // Hands over what the gate has decided for this session.
  bool take_verdict() {
    const auto found = std::ranges::find(proxy_.decided, &session->operation());
    if (found == proxy_.decided.end()) return false;
    proxy_.decided.erase(found);
    session->on_verdict(proxy_.now);
    drain();
    return true;
  }
  void drain() {
    if (finished) return;
    session->feed_client(bytes_of(input_));
    for (;;) {
      const session::Action action = session->next_action(proxy_.now);
      if (action.kind == session::Action::Kind::none) break;
      perform(action);
      if (finished) return;
    }
    input_.erase(0, input_.size() - session->unconsumed().size());
    session->feed_client({});
  }

  [[nodiscard]] Operation::State state() { return session->operation().state(); }

  std::string to_client;
  std::string to_server;
  std::string registered_key;
  std::string cancel_elsewhere;
  std::string cancel_at_server;
  bool connect_fails = false;
  bool client_closed = false;
  bool finished = false;

 private:
  void perform(const session::Action& action) {
    using Kind = session::Action::Kind;
    switch (action.kind) {
      case Kind::none:
        return;
      case Kind::send_to_client:
        to_client += text_of(action.bytes);
        return;
      case Kind::send_to_server:
        to_server += text_of(action.bytes);
        return;
      case Kind::connect_server:
        if (connect_fails) {
          session->on_connect_failed("connection refused", proxy_.now);
        } else {
          session->on_server_connected();
        }
        return;
      case Kind::register_key:
        registered_key = text_of(action.bytes);
        return;
      case Kind::cancel_elsewhere:
        cancel_elsewhere = text_of(action.bytes);
        return;
      case Kind::cancel_at_server:
        cancel_at_server = text_of(action.bytes);
        return;
      case Kind::close_client:
        client_closed = true;
        return;
      case Kind::finish:
        finished = true;
        return;
    }
  }

  ScriptedProxy& proxy_;
  std::string input_;

 public:
  std::optional<session::Session> session;
};

}  // namespace loadline::test
