// SPDX-License-Identifier: Apache-2.0
// The connections' half of the generator: what the transport reports of them.
#include <algorithm>
#include <cassert>

#include "proxy/loadgen/generator.h"

namespace loadline::loadgen {
namespace {

// Between two attempts to log in.
constexpr Backoff kReopenBackoff = {.first = std::chrono::milliseconds(100),
                                    .max = std::chrono::seconds(2)};

}  // namespace

void Generator::on_ready(ConnectionIndex index, wire::TransactionState transaction, TimePoint now) {
  Connection& connection = connections_[index];
  connection.transaction = transaction;
  switch (connection.state) {
    case Connection::State::opening:
      connection.failures = 0;
      ++tally_.connections.opened;
      return release(index, now);
    case Connection::State::busy: {
      const std::uint32_t operation = connection.operation;
      if (!operations_[operation].error) return advance(operation, now);
      static_cast<void>(detach(operations_[operation]));
      fail_attempt_by_error(operation, now);
      return release(index, now);
    }
    case Connection::State::cancelling:
      connection.answer_owed = false;
      if (!connection.cancel_owed) release(index, now);
      return;
    case Connection::State::rolling_back:
      return release(index, now);
    case Connection::State::closed:
    case Connection::State::idle:
      assert(false && "the transport reports an answer that nobody is owed");
      return;
  }
}

void Generator::on_error(ConnectionIndex index, const wire::ServerError& error) {
  const Connection& connection = connections_[index];
  if (connection.state != Connection::State::busy) return;  // Of a statement given up.
  auto& first = operations_[connection.operation].error;
  if (!first) first = error;
}

void Generator::on_cancel_done(ConnectionIndex index, TimePoint now) {
  Connection& connection = connections_[index];
  if (connection.state != Connection::State::cancelling) return;
  connection.cancel_owed = false;
  if (!connection.answer_owed) release(index, now);
}

void Generator::on_closed(ConnectionIndex index, const wire::ServerError& error, TimePoint now) {
  Connection& connection = connections_[index];
  assert(connection.state != Connection::State::closed);
  if (connection.state == Connection::State::opening) {
    ++tally_.connections.failed[error.sqlstate];
    last_refusal_ = error;
  } else {
    ++tally_.connections.lost;
  }
  if (connection.state == Connection::State::idle) {
    auto& idle = pools_[connection.pool].idle;
    idle.erase(std::find(idle.begin(), idle.end(), index));
  }
  const std::uint32_t operation = connection.operation;
  if (operation != kNone) {
    static_cast<void>(detach(operations_[operation]));
    if (!operations_[operation].error) operations_[operation].error = error;
  }
  set_state(connection, Connection::State::closed);
  if (operation != kNone) fail_attempt_by_error(operation, now);
  reopen(index, now);
}

void Generator::reopen(ConnectionIndex index, TimePoint now) {
  Connection& connection = connections_[index];
  const Duration delay = kReopenBackoff.delay(++connection.failures, std::nullopt, random_);
  timers_.push({.due = now + delay, .kind = Timer::Kind::reopen, .index = index});
}

void Generator::set_state(Connection& connection, Connection::State next) noexcept {
  const auto is_ready = [](Connection::State state) {
    return state != Connection::State::closed && state != Connection::State::opening;
  };
  if (is_ready(next) && !is_ready(connection.state)) ++connections_ready_;
  if (!is_ready(next) && is_ready(connection.state)) --connections_ready_;
  connection.state = next;
}

// The connection has nothing to do: out of its transaction first, then on to the next operation.
void Generator::release(ConnectionIndex index, TimePoint now) {
  Connection& connection = connections_[index];
  assert(connection.operation == kNone);
  if (connection.transaction != wire::TransactionState::idle) {
    if (connection.state == Connection::State::rolling_back) {
      // A server that won't leave its transaction is of no use.
      set_state(connection, Connection::State::closed);
      transport_.close(index);
      return reopen(index, now);
    }
    set_state(connection, Connection::State::rolling_back);
    return transport_.send(index, "ROLLBACK", {});
  }
  set_state(connection, Connection::State::idle);
  Pool& pool = pools_[connection.pool];
  skip_stale(pool);
  if (pool.waiting.empty()) {
    pool.idle.push_back(index);
    return;
  }
  const std::uint32_t next = pool.waiting.front().operation;
  pool.waiting.pop_front();
  --pool.waiting_count;
  --totals_.waiting;
  run(next, index, now);
}

void Generator::skip_stale(Pool& pool) {
  while (!pool.waiting.empty() &&
         operations_[pool.waiting.front().operation].ticket != pool.waiting.front().ticket) {
    pool.waiting.pop_front();
  }
}

}  // namespace loadline::loadgen
