// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/loadgen/arrivals.h"
#include "proxy/loadgen/random.h"
#include "proxy/loadgen/scenario.h"
#include "proxy/loadgen/tally.h"
#include "proxy/wire/client_dialogue.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

using ConnectionIndex = std::uint32_t;

// What carries out the generator's wishes: sockets, or a modelled server in tests. Calls must not
// call back into the generator; what comes of them is reported from the event loop.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // Connect and log in: on_ready() or on_closed() follows.
  virtual void open(ConnectionIndex connection) = 0;
  // on_ready(), after on_error() if it failed, or on_closed() follows.
  virtual void send(ConnectionIndex connection, std::string_view sql,
                    std::span<const std::string> parameters) = 0;
  // Ask the server to stop the running statement: on_cancel_done() follows once the server has
  // taken note, or can't be asked; the statement's own answer is still owed.
  virtual void cancel(ConnectionIndex connection) = 0;
  // Nothing is reported of this connection until it is opened again.
  virtual void close(ConnectionIndex connection) = 0;
};

// The clients: when operations start, on which connection, what becomes of them, who tries again.
// Pure: time is an argument and bytes are the transport's. Single-threaded.
//
// Latency counts from the intended start, so time spent waiting for a free connection or for a
// tardy generator is in it (no coordinated omission).
class Generator {
 public:
  // Counts of all classes so far, for a progress line.
  struct Totals {
    std::uint64_t offered = 0;
    std::array<std::uint64_t, kOutcomeCount> outcomes = {};
    std::uint64_t retries = 0;
    std::uint64_t shed_attempts = 0;
    std::uint64_t active = 0;
    std::uint64_t waiting = 0;
  };

  // One thread's share of a scenario without problems. Both must outlive the generator.
  Generator(const Scenario& scenario, Transport& transport);

  [[nodiscard]] std::size_t connection_count() const noexcept { return connections_.size(); }
  // Under which name to log in.
  [[nodiscard]] std::string_view application_name(ConnectionIndex connection) const;

  void open_connections();
  [[nodiscard]] std::size_t connections_ready() const noexcept { return connections_ready_; }
  [[nodiscard]] const wire::ServerError& last_refusal() const noexcept { return last_refusal_; }

  // The phases begin at `start`, which may lie ahead.
  void start(TimePoint start);
  // Ends the run: what is under way counts as unfinished.
  void stop(TimePoint now);
  [[nodiscard]] bool finished() const noexcept { return finished_; }

  void on_ready(ConnectionIndex index, wire::TransactionState transaction, TimePoint now);
  void on_error(ConnectionIndex index, const wire::ServerError& error);
  void on_closed(ConnectionIndex index, const wire::ServerError& error, TimePoint now);
  void on_cancel_done(ConnectionIndex index, TimePoint now);

  // When on_timer() is due. TimePoint::max() if never.
  [[nodiscard]] TimePoint deadline() const noexcept;
  // Does what is due, up to a bound: then deadline() has still passed.
  void on_timer(TimePoint now);

  [[nodiscard]] const RunTally& tally() const noexcept { return tally_; }
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  struct Operation {
    enum class State : std::uint8_t {
      free,         // This place is unused.
      waiting,      // For a connection.
      running,      // A statement is at the server.
      pausing,      // Between two statements.
      backing_off,  // Before another attempt.
    };
    State state = State::free;
    std::uint32_t class_index = 0;
    std::uint32_t phase_index = 0;
    std::uint32_t script_index = 0;
    std::uint32_t connection = kNone;
    std::size_t step = 0;
    // Changes with every attempt, so that a timer or a queue entry of an earlier one is known.
    std::uint64_t ticket = 0;
    TimePoint intended = {};
    TimePoint due = {};  // Of this attempt.
    std::uint32_t attempts = 0;
    std::optional<wire::ServerError> error = {};
    std::vector<std::int64_t> variables = {};
  };

  struct Connection {
    enum class State : std::uint8_t {
      closed,        // Until its reopen timer.
      opening,       // Until it is logged in, or refused.
      idle,          // Free.
      busy,          // Has an operation.
      cancelling,    // The operation has given up; see the two flags.
      rolling_back,  // Until the server has left the transaction.
    };
    State state = State::closed;
    std::uint32_t pool = 0;
    std::uint32_t operation = kNone;
    std::uint32_t failures = 0;  // Logins in a row.
    bool answer_owed = false;    // While cancelling: of the statement given up.
    bool cancel_owed = false;    // While cancelling: a cancel that is under way could hit the next.
    wire::TransactionState transaction = wire::TransactionState::idle;
  };

  struct Waiting {
    std::uint32_t operation = 0;
    std::uint64_t ticket = 0;
  };

  // Connections that are as good as each other, and the operations waiting for one.
  struct Pool {
    std::string application_name = {};
    std::uint32_t waiting_max = 0;
    std::uint32_t waiting_count = 0;
    std::deque<Waiting> waiting = {};  // With entries of operations that no longer wait.
    std::deque<ConnectionIndex> idle = {};
  };

  struct Timer {
    enum class Kind : std::uint8_t { arrival, give_up, retry, wake, reopen, users, user, end };
    TimePoint due = {};
    Kind kind = Kind::arrival;
    std::uint32_t index = 0;  // Of the class, operation, connection or phase.
    std::uint64_t ticket = 0;

    bool operator>(const Timer& other) const noexcept { return due > other.due; }
  };

  void add_pool(const LoadClass& load_class, std::uint32_t connections);
  [[nodiscard]] std::uint32_t pool_of(std::uint32_t class_index) const noexcept;

  void on_timer_due(const Timer& timer, TimePoint now);
  void on_arrival(std::uint32_t class_index, TimePoint intended, TimePoint now);
  void schedule_arrival(std::uint32_t class_index);
  void set_users(std::uint32_t phase_index, TimePoint now);
  void start_user_operation(TimePoint now);
  [[nodiscard]] std::uint32_t phase_at(TimePoint when) const noexcept;
  [[nodiscard]] std::uint32_t draw_class();
  [[nodiscard]] std::uint32_t draw_script(const LoadClass& load_class);

  void begin_operation(std::uint32_t class_index, TimePoint intended, TimePoint now);
  void begin_attempt(std::uint32_t index, TimePoint due, TimePoint now);
  void run(std::uint32_t index, ConnectionIndex connection, TimePoint now);
  void advance(std::uint32_t index, TimePoint now);
  void send(std::uint32_t index, const Script::Statement& statement);
  void give_up(std::uint32_t index, TimePoint now);
  void abandon(ConnectionIndex index, TimePoint now);
  void fail_attempt_by_error(std::uint32_t index, TimePoint now);
  // `outcome` unless it is tried again.
  void fail_attempt(std::uint32_t index, Outcome outcome, std::optional<Duration> retry_after,
                    TimePoint now);
  [[nodiscard]] bool retry_allowed(const Operation& operation, Outcome outcome) const;
  void finish(std::uint32_t index, Outcome outcome, TimePoint now);
  [[nodiscard]] ConnectionIndex detach(Operation& operation);

  void set_state(Connection& connection, Connection::State next) noexcept;
  void release(ConnectionIndex index, TimePoint now);
  void reopen(ConnectionIndex index, TimePoint now);
  void skip_stale(Pool& pool);
  [[nodiscard]] SecondTally& second_of(const Operation& operation, TimePoint when);

  const Scenario& scenario_;
  Transport& transport_;
  Random random_;
  std::set<std::string, std::less<>> shed_sqlstates_;
  RunTally tally_;
  Totals totals_ = {};

  std::vector<Arrivals> arrivals_ = {};
  std::vector<Pool> pools_ = {};
  std::vector<Connection> connections_ = {};
  std::size_t connections_ready_ = 0;
  wire::ServerError last_refusal_ = {};
  std::vector<Operation> operations_ = {};
  std::vector<std::uint32_t> free_operations_ = {};
  std::uint64_t last_ticket_ = 0;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_ = {};

  bool started_ = false;
  bool finished_ = false;
  TimePoint start_ = {};
  std::vector<TimePoint> phase_ends_ = {};
  std::uint32_t arrivals_open_ = 0;  // Classes whose arrivals go on.
  std::uint32_t users_ = 0;          // Closed mode: now, and as many as there should be.
  std::uint32_t users_wanted_ = 0;
};

}  // namespace loadline::loadgen
