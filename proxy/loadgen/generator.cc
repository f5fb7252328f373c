// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/generator.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace loadline::loadgen {
namespace {

// Of a closed-mode user whose operation was not answered.
constexpr Backoff kRestBackoff = {.first = std::chrono::milliseconds(100),
                                  .max = std::chrono::milliseconds(100)};
// So that a generator far behind still reads answers between arrivals.
constexpr int kTimersPerCallMax = 256;

}  // namespace

Generator::Generator(const Scenario& scenario, Transport& transport)
    : scenario_(scenario),
      transport_(transport),
      random_(scenario.seed),
      shed_sqlstates_(scenario.shed_sqlstates.begin(), scenario.shed_sqlstates.end()),
      tally_(scenario.classes.size(), scenario.phases.size()) {
  if (scenario.mode == LoadMode::closed) {
    // One pool, so that few users can still be of all classes.
    std::uint32_t users_max = 0;
    for (const Phase& phase : scenario.phases) users_max = std::max(users_max, phase.concurrency);
    add_pool(scenario.classes.front(), users_max);
    return;
  }
  for (const LoadClass& load_class : scenario.classes) {
    add_pool(load_class, load_class.connections);
    Arrivals::Options options = {.kind = scenario.arrivals, .seed = random_.next()};
    for (const Phase& phase : scenario.phases) {
      options.steps.push_back(
          {.per_second = load_class.rate * phase.multiplier, .duration = phase.duration});
    }
    arrivals_.emplace_back(std::move(options));
  }
}

void Generator::add_pool(const LoadClass& load_class, std::uint32_t connections) {
  const auto pool = static_cast<std::uint32_t>(pools_.size());
  pools_.push_back(
      {.application_name = load_class.application_name, .waiting_max = load_class.waiting_max});
  connections_.insert(connections_.end(), connections, Connection{.pool = pool});
}

std::uint32_t Generator::pool_of(std::uint32_t class_index) const noexcept {
  return scenario_.mode == LoadMode::closed ? 0 : class_index;
}

std::string_view Generator::application_name(ConnectionIndex connection) const {
  return pools_[connections_[connection].pool].application_name;
}

void Generator::open_connections() {
  for (ConnectionIndex i = 0; i < connections_.size(); ++i) {
    set_state(connections_[i], Connection::State::opening);
    transport_.open(i);
  }
}

void Generator::start(TimePoint start) {
  assert(!started_);
  started_ = true;
  start_ = start;
  TimePoint end = start;
  for (std::uint32_t i = 0; i < scenario_.phases.size(); ++i) {
    if (scenario_.mode == LoadMode::closed) {
      timers_.push({.due = end, .kind = Timer::Kind::users, .index = i});
    }
    end += scenario_.phases[i].duration;
    phase_ends_.push_back(end);
  }
  arrivals_open_ = static_cast<std::uint32_t>(arrivals_.size());
  for (std::uint32_t i = 0; i < arrivals_.size(); ++i) schedule_arrival(i);
  timers_.push({.due = end + drain_duration(scenario_), .kind = Timer::Kind::end});
}

void Generator::stop(TimePoint now) {
  finished_ = true;  // First, so that no user begins again.
  for (std::uint32_t i = 0; i < operations_.size(); ++i) {
    if (operations_[i].state != Operation::State::free) finish(i, Outcome::unfinished, now);
  }
}

TimePoint Generator::deadline() const noexcept {
  return timers_.empty() ? TimePoint::max() : timers_.top().due;
}

void Generator::on_timer(TimePoint now) {
  for (int i = 0; i < kTimersPerCallMax && !timers_.empty() && timers_.top().due <= now; ++i) {
    const Timer timer = timers_.top();
    timers_.pop();
    if (!finished_) on_timer_due(timer, now);
  }
  const bool over = started_ && now >= phase_ends_.back() && arrivals_open_ == 0 && users_ == 0;
  if (over && totals_.active == 0) finished_ = true;
}

void Generator::on_timer_due(const Timer& timer, TimePoint now) {
  const auto is_current = [&](Operation::State state) {
    return operations_[timer.index].ticket == timer.ticket &&
           operations_[timer.index].state == state;
  };
  switch (timer.kind) {
    case Timer::Kind::arrival:
      return on_arrival(timer.index, timer.due, now);
    case Timer::Kind::give_up:
      if (is_current(Operation::State::waiting) || is_current(Operation::State::running) ||
          is_current(Operation::State::pausing)) {
        give_up(timer.index, now);
      }
      return;
    case Timer::Kind::retry:
      if (is_current(Operation::State::backing_off)) begin_attempt(timer.index, timer.due, now);
      return;
    case Timer::Kind::wake:
      if (is_current(Operation::State::pausing)) advance(timer.index, now);
      return;
    case Timer::Kind::reopen:
      set_state(connections_[timer.index], Connection::State::opening);
      return transport_.open(timer.index);
    case Timer::Kind::users:
      return set_users(timer.index, now);
    case Timer::Kind::user:
      return start_user_operation(now);
    case Timer::Kind::end:
      return stop(now);
  }
}

void Generator::schedule_arrival(std::uint32_t class_index) {
  if (const auto offset = arrivals_[class_index].next()) {
    timers_.push({.due = start_ + *offset, .kind = Timer::Kind::arrival, .index = class_index});
  } else {
    --arrivals_open_;
  }
}

void Generator::on_arrival(std::uint32_t class_index, TimePoint intended, TimePoint now) {
  tally_.lag.record(now - intended);
  schedule_arrival(class_index);
  begin_operation(class_index, intended, now);
}

void Generator::set_users(std::uint32_t phase_index, TimePoint now) {
  users_wanted_ = scenario_.phases[phase_index].concurrency;
  while (users_ < users_wanted_) {
    ++users_;
    start_user_operation(now);
  }
}

void Generator::start_user_operation(TimePoint now) {
  if (users_ > users_wanted_ || now >= phase_ends_.back()) {
    --users_;
    return;
  }
  begin_operation(draw_class(), now, now);
}

std::uint32_t Generator::phase_at(TimePoint when) const noexcept {
  const auto end = std::upper_bound(phase_ends_.begin(), phase_ends_.end() - 1, when);
  return static_cast<std::uint32_t>(end - phase_ends_.begin());
}

std::uint32_t Generator::draw_class() {
  double sum = 0;
  for (const LoadClass& load_class : scenario_.classes) sum += load_class.rate;
  double drawn = random_.unit() * sum;
  std::uint32_t i = 0;
  while (i + 1 < scenario_.classes.size() && drawn >= scenario_.classes[i].rate) {
    drawn -= scenario_.classes[i++].rate;
  }
  return i;
}

std::uint32_t Generator::draw_script(const LoadClass& load_class) {
  if (load_class.scripts.size() == 1) return 0;
  double sum = 0;
  for (const WeightedScript& script : load_class.scripts) sum += script.weight;
  double drawn = random_.unit() * sum;
  std::uint32_t i = 0;
  while (i + 1 < load_class.scripts.size() && drawn >= load_class.scripts[i].weight) {
    drawn -= load_class.scripts[i++].weight;
  }
  return i;
}

void Generator::begin_operation(std::uint32_t class_index, TimePoint intended, TimePoint now) {
  if (free_operations_.empty()) {
    free_operations_.push_back(static_cast<std::uint32_t>(operations_.size()));
    operations_.emplace_back();
  }
  const std::uint32_t index = free_operations_.back();
  free_operations_.pop_back();

  Operation& operation = operations_[index];
  operation.class_index = class_index;
  operation.phase_index = phase_at(intended);
  operation.script_index = draw_script(scenario_.classes[class_index]);
  operation.intended = intended;
  operation.attempts = 0;
  ++tally_.of(class_index, operation.phase_index).offered;
  ++second_of(operation, intended).offered;
  ++totals_.offered;
  ++totals_.active;
  begin_attempt(index, intended, now);
}

void Generator::begin_attempt(std::uint32_t index, TimePoint due, TimePoint now) {
  Operation& operation = operations_[index];
  const LoadClass& load_class = scenario_.classes[operation.class_index];
  operation.state = Operation::State::waiting;
  operation.ticket = ++last_ticket_;
  operation.due = due;
  operation.error.reset();
  if (scenario_.on_timeout != TimeoutAction::wait) {
    TimePoint end = operation.intended + load_class.deadline;
    if (load_class.attempt_timeout > Duration::zero()) {
      end = std::min(end, due + load_class.attempt_timeout);
    }
    timers_.push(
        {.due = end, .kind = Timer::Kind::give_up, .index = index, .ticket = operation.ticket});
  }

  Pool& pool = pools_[pool_of(operation.class_index)];
  if (!pool.idle.empty()) {
    const ConnectionIndex connection = pool.idle.front();
    pool.idle.pop_front();
    return run(index, connection, now);
  }
  if (pool.waiting_count == pool.waiting_max) {
    return finish(index, operation.attempts == 0 ? Outcome::unsent : Outcome::timeout, now);
  }
  pool.waiting.push_back({.operation = index, .ticket = operation.ticket});
  ++pool.waiting_count;
  ++totals_.waiting;
}

void Generator::run(std::uint32_t index, ConnectionIndex connection, TimePoint now) {
  Operation& operation = operations_[index];
  assert(connections_[connection].operation == kNone);
  set_state(connections_[connection], Connection::State::busy);
  connections_[connection].operation = index;
  operation.connection = connection;
  operation.step = 0;
  const Script& script =
      scenario_.classes[operation.class_index].scripts[operation.script_index].script;
  operation.variables.assign(script.variable_count(), 0);

  Tally& tally = tally_.of(operation.class_index, operation.phase_index);
  ++tally.attempts;
  if (++operation.attempts > 1) {
    ++tally.retries;
    ++second_of(operation, now).retries;
    ++totals_.retries;
  }
  advance(index, now);
}

void Generator::advance(std::uint32_t index, TimePoint now) {
  Operation& operation = operations_[index];
  const LoadClass& load_class = scenario_.classes[operation.class_index];
  const auto steps = load_class.scripts[operation.script_index].script.steps();
  while (operation.step < steps.size()) {
    const Script::Step& step = steps[operation.step++];
    if (const auto* const assignment = std::get_if<Script::Assignment>(&step)) {
      operation.variables[assignment->variable] =
          assignment->value.evaluate(operation.variables, random_);
    } else if (const auto* const pause = std::get_if<Script::Pause>(&step)) {
      operation.state = Operation::State::pausing;
      timers_.push({.due = now + pause->duration,
                    .kind = Timer::Kind::wake,
                    .index = index,
                    .ticket = operation.ticket});
      return;
    } else {
      operation.state = Operation::State::running;
      return send(index, std::get<Script::Statement>(step));
    }
  }

  const Duration latency = now - operation.intended;
  const bool good = latency <= load_class.deadline;
  Tally& tally = tally_.of(operation.class_index, operation.phase_index);
  tally.answered.record(latency);
  if (good) {
    tally.good.record(latency);
    second_of(operation, now).good.record(latency);
  }
  const ConnectionIndex connection = detach(operation);
  finish(index, good ? Outcome::good : Outcome::late, now);
  release(connection, now);
}

void Generator::send(std::uint32_t index, const Script::Statement& statement) {
  const Operation& operation = operations_[index];
  if (scenario_.query_mode == wire::QueryMode::simple) {
    return transport_.send(operation.connection, statement.to_sql(operation.variables), {});
  }
  std::vector<std::string> values;
  values.reserve(statement.variables.size());
  for (const std::uint32_t variable : statement.variables) {
    values.push_back(std::to_string(operation.variables[variable]));
  }
  transport_.send(operation.connection, statement.to_parameterised(), values);
}

ConnectionIndex Generator::detach(Operation& operation) {
  const ConnectionIndex connection = std::exchange(operation.connection, kNone);
  connections_[connection].operation = kNone;
  return connection;
}

void Generator::give_up(std::uint32_t index, TimePoint now) {
  Operation& operation = operations_[index];
  const auto state = operation.state;
  if (state == Operation::State::waiting) {
    const Outcome outcome = operation.attempts == 0 ? Outcome::unsent : Outcome::timeout;
    Pool& pool = pools_[pool_of(operation.class_index)];
    --pool.waiting_count;
    --totals_.waiting;
    fail_attempt(index, outcome, std::nullopt, now);
    return skip_stale(pool);
  }
  const ConnectionIndex connection = detach(operation);
  fail_attempt(index, Outcome::timeout, std::nullopt, now);
  if (state == Operation::State::pausing) return release(connection, now);
  abandon(connection, now);
}

// Leaves a connection whose statement nobody waits for any more.
void Generator::abandon(ConnectionIndex index, TimePoint now) {
  Connection& connection = connections_[index];
  assert(scenario_.on_timeout != TimeoutAction::wait);
  if (scenario_.on_timeout == TimeoutAction::close) {
    set_state(connection, Connection::State::closed);
    transport_.close(index);
    timers_.push({.due = now, .kind = Timer::Kind::reopen, .index = index});
    return;
  }
  set_state(connection, Connection::State::cancelling);
  connection.answer_owed = true;
  connection.cancel_owed = true;
  ++tally_.connections.cancels;
  transport_.cancel(index);
}

void Generator::fail_attempt_by_error(std::uint32_t index, TimePoint now) {
  Operation& operation = operations_[index];
  assert(operation.error);
  Tally& tally = tally_.of(operation.class_index, operation.phase_index);
  ++tally.sqlstates[operation.error->sqlstate];
  if (!shed_sqlstates_.contains(operation.error->sqlstate)) {
    return fail_attempt(index, Outcome::error, operation.error->retry_after, now);
  }
  ++tally.shed_attempts;
  ++totals_.shed_attempts;
  ++second_of(operation, now).shed_attempts;
  tally.shed.record(now - operation.due);
  fail_attempt(index, Outcome::shed, operation.error->retry_after, now);
}

bool Generator::retry_allowed(const Operation& operation, Outcome outcome) const {
  const RetryOptions& retry = scenario_.classes[operation.class_index].retry;
  if (operation.attempts >= retry.attempts_max) return false;
  switch (outcome) {
    case Outcome::shed:
      return retry.after_shed;
    case Outcome::error:
      return retry.after_error;
    case Outcome::timeout:
      return retry.after_timeout;
    case Outcome::good:
    case Outcome::late:
    case Outcome::unsent:
    case Outcome::unfinished:
      return false;
  }
  return false;
}

void Generator::fail_attempt(std::uint32_t index, Outcome outcome,
                             std::optional<Duration> retry_after, TimePoint now) {
  Operation& operation = operations_[index];
  const LoadClass& load_class = scenario_.classes[operation.class_index];
  if (retry_allowed(operation, outcome)) {
    const TimePoint due = now + load_class.retry.backoff.delay(std::max(1U, operation.attempts),
                                                               retry_after, random_);
    // Coming back when it is too late would be work for nobody.
    if (scenario_.on_timeout == TimeoutAction::wait ||
        due < operation.intended + load_class.deadline) {
      operation.state = Operation::State::backing_off;
      operation.ticket = ++last_ticket_;
      timers_.push(
          {.due = due, .kind = Timer::Kind::retry, .index = index, .ticket = operation.ticket});
      return;
    }
  }
  finish(index, outcome, now);
}

void Generator::finish(std::uint32_t index, Outcome outcome, TimePoint now) {
  Operation& operation = operations_[index];
  const auto place = static_cast<std::size_t>(outcome);
  ++tally_.of(operation.class_index, operation.phase_index).outcomes[place];
  ++second_of(operation, now).outcomes[place];
  ++totals_.outcomes[place];
  --totals_.active;
  operation.state = Operation::State::free;
  operation.ticket = ++last_ticket_;
  free_operations_.push_back(index);

  if (scenario_.mode == LoadMode::open || finished_) return;
  // A user who was turned away doesn't ask again at once.
  const bool answered = outcome == Outcome::good || outcome == Outcome::late;
  const Duration rest = answered ? Duration::zero() : kRestBackoff.delay(1, {}, random_);
  timers_.push({.due = now + rest, .kind = Timer::Kind::user});
}

SecondTally& Generator::second_of(const Operation& operation, TimePoint when) {
  return tally_.second(operation.class_index, std::max(when - start_, Duration::zero()));
}

}  // namespace loadline::loadgen
