// SPDX-License-Identifier: Apache-2.0
// The life of one attempt: offered, decided, executed, answered.
#include <algorithm>

#include "proxy/simulator/simulation.h"

namespace loadline::simulator {
namespace {

// How long a client keeps its slot between two statements, as in proxy/session.
constexpr Duration kHoldAfter = std::chrono::milliseconds(20);
constexpr double kRetryTokensMax = 10;

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Duration scaled(Duration duration, double factor) {
  return std::chrono::duration_cast<Duration>(duration * factor);
}

}  // namespace

void Simulation::offer(std::uint32_t request_index, TimePoint now) {
  Request& request = requests_[request_index];
  ++request.attempts;
  const std::uint32_t index = take_attempt();
  Attempt& attempt = attempts_[index];
  attempt.request = request;
  attempt.request_index = request_index;
  attempt.offered = now;

  OperationProfile profile = profiles_[request.class_index];
  profile.priority = Priority(request.tier, Tenants::cohort(request.tenant, request.host));
  profile.tenant = Tenants::hash(request.tenant);
  if (request.recorded != nullptr) profile = *request.recorded;
  await_answer(index, request, now);
  ++record_.attempts;
  ++moment(now).attempts;
  on_verdict(index, admitter_.offer(index, profile, now), false, now);
}

// Of a replayed operation that didn't say how long it would wait, the gate knows no deadline; its
// client has the scenario's.
void Simulation::await_answer(std::uint32_t index, const Request& request, TimePoint now) {
  const std::uint32_t use = attempts_[index].use;
  if (request.recorded != nullptr) {
    const Duration said = request.recorded->deadline;
    const Duration patience = said > Duration::zero() ? said : scenario_.clients.deadline;
    return push(now + patience, Happening::Kind::give_up, index, use);
  }
  Ring<GiveUp>& queue = give_ups_[request.class_index];
  queue.push_back({now + profiles_[request.class_index].deadline, index, use});
  if (queue.back().at < give_up_at_) {
    give_up_at_ = queue.back().at;
    give_up_class_ = request.class_index;
  }
}

void Simulation::on_verdict(std::uint32_t index, const Verdict& verdict, bool is_late,
                            TimePoint now) {
  Attempt& attempt = attempts_[index];
  switch (verdict.kind) {
    case Verdict::Kind::wait:
      attempt.state = Attempt::State::waiting;
      ++waiting_;
      return;
    case Verdict::Kind::admit:
      ++record_.admitted;
      ++moment(now).admitted;
      if (class_of(attempt).operation == OperationClass::write) ++moment(now).writes_admitted;
      return dispatch(index, now);
    case Verdict::Kind::shed: {
      ++record_.shed;
      ++record_.shed_by_group[attempt.request.class_index * kTierCount +
                              static_cast<std::size_t>(attempt.request.tier)];
      ++moment(now).shed;
      RefusalCount& count = record_.refusals[static_cast<std::size_t>(verdict.reason)];
      ++(is_late ? count.late : count.at_offer);
      count.waited.record(now - attempt.offered);
      record_.refused.record(now - attempt.offered);
      if (!attempt.gone) fail(attempt, verdict.retry_after, now);
      return free_attempt(index);
    }
  }
}

void Simulation::dispatch(std::uint32_t index, TimePoint now) {
  Attempt& attempt = attempts_[index];
  attempt.state = Attempt::State::executing;
  ++active_;
  ++at_database_;
  if (attempt.gone) return end(index, Outcome::abandoned, now);
  const bool is_down = timeline_.refuses_connections(since(now));
  if (is_down || at_database_ > scenario_.connections) {
    ++record_.failed;
    fail(attempt, Duration::zero(), now);
    attempt.gone = true;
    return end(index, is_down ? Outcome::lost : Outcome::overload, now);
  }
  start_statement(index, now);
}

void Simulation::start_statement(std::uint32_t index, TimePoint now) {
  Attempt& attempt = attempts_[index];
  const LoadClass& load_class = class_of(attempt);
  if (attempt.state == Attempt::State::held) {
    admitter_.resume(index, now);
    ++active_;
  }
  attempt.state = Attempt::State::executing;
  attempt.statement_work = scaled(attempt.request.work, timeline_.work_factor(since(now)));
  Statement statement = {.work = attempt.statement_work,
                         .io_first = load_class.io_first,
                         .lock_to_end = load_class.lock_to_end};
  const Duration io = io_of_[attempt.request.class_index];
  if (io > Duration::zero()) statement.io = scaled(io, draw_exponential(rng_));
  const std::int32_t first_lock = first_lock_of_[attempt.request.class_index];
  if (first_lock != Statement::kNoLock) {
    statement.lock = first_lock + static_cast<std::int32_t>(attempt.request.row);
  }
  database_.start(index, statement, now);
}

void Simulation::on_statement_done(std::uint32_t index, TimePoint now) {
  Attempt& attempt = attempts_[index];
  const LoadClass& load_class = class_of(attempt);
  attempt.work_s += to_seconds(attempt.statement_work);
  ++attempt.statements_done;
  if (attempt.gone) return end(index, Outcome::abandoned, now);
  if (attempt.statements_done < attempt.request.statements) return think(index, now);
  if (load_class.operation == OperationClass::write && scenario_.replica.apply_speed > 0) {
    replica_.write(scaled(attempt.request.work, attempt.request.statements), now);
  }
  if (load_class.staleness_max > Duration::zero() && replica_.lag(now) > load_class.staleness_max) {
    ++record_.failed;
    // The client doesn't ask again: the answer would be as old.
    forget(attempt);
    attempt.gone = true;
    return end(index, Outcome::error, now);
  }
  succeed(attempt, now);
  end(index, Outcome::ok, now);
}

void Simulation::think(std::uint32_t index, TimePoint now) {
  Attempt& attempt = attempts_[index];
  attempt.state = Attempt::State::thinking;
  const Duration mean = class_of(attempt).think;
  const Duration pause =
      mean > Duration::zero() ? scaled(mean, draw_exponential(rng_)) : attempt.request.pause;
  push(now + pause, Happening::Kind::next, index, attempt.use);
  if (pause > kHoldAfter) push(now + kHoldAfter, Happening::Kind::hold, index, attempt.use);
}

void Simulation::on_hold(std::uint32_t index, TimePoint now) {
  attempts_[index].state = Attempt::State::held;
  --active_;
  admitter_.hold(index, now);
}

void Simulation::end(std::uint32_t index, Outcome outcome, TimePoint now) {
  Attempt& attempt = attempts_[index];
  if (attempt.statements_done > 0 || attempt.work_s > 0) {
    record_.work_s += attempt.work_s;
    if (outcome != Outcome::ok) record_.wasted_work_s += attempt.work_s;
  }
  if (attempt.state != Attempt::State::held) --active_;
  --at_database_;
  database_.end_transaction(index, now);
  admitter_.complete(index, outcome, now);
  free_attempt(index);
}

void Simulation::succeed(const Attempt& attempt, TimePoint now) {
  const Request& request = attempt.request;
  retry_tokens_ = std::min(kRetryTokensMax, retry_tokens_ + scenario_.clients.retry_budget);
  forget(attempt);
  if (since(now) > scenario_.length) return;
  const auto tier = static_cast<std::size_t>(request.tier);
  ++record_.groups[request.class_index * kTierCount + tier].good;
  ++record_.tenants[request.tenant].good;
  ++tier_of_second(request).good;
  const Duration latency = now - attempt.offered;
  record_.latency.record(latency);
  record_.tier_latency[tier].record(latency);
  Moment& current = moment(now);
  ++current.good;
  current.latency_s += to_seconds(latency);
}

void Simulation::fail(const Attempt& attempt, Duration retry_after, TimePoint now) {
  const Clients& clients = scenario_.clients;
  const std::uint32_t made = attempt.request.attempts;
  const bool is_affordable = clients.retry_budget <= 0 || retry_tokens_ >= 1;
  if (made >= clients.attempts || !is_affordable) return forget(attempt);
  if (clients.retry_budget > 0) retry_tokens_ -= 1;
  const double doubled = static_cast<double>(1U << std::min(made - 1, 20U));
  Duration pause = scaled(clients.backoff, doubled * rng_.uniform(0.5, 1));
  if (clients.heed_retry_after) pause = std::max(pause, retry_after);
  push(now + pause, Happening::Kind::retry, attempt.request_index);
}

void Simulation::forget(const Attempt& attempt) {
  requests_free_.push_back(attempt.request_index);
  --live_;
}

std::uint32_t Simulation::take_attempt() {
  if (attempts_free_.empty()) {
    attempts_free_.push_back(static_cast<std::uint32_t>(attempts_.size()));
    attempts_.emplace_back();
  }
  const std::uint32_t index = attempts_free_.back();
  attempts_free_.pop_back();
  const std::uint32_t use = attempts_[index].use;
  attempts_[index] = {.use = use};
  return index;
}

void Simulation::free_attempt(std::uint32_t index) {
  attempts_[index].state = Attempt::State::idle;
  ++attempts_[index].use;
  attempts_free_.push_back(index);
}

std::uint32_t Simulation::take_request(const Request& request) {
  if (requests_free_.empty()) {
    requests_free_.push_back(static_cast<std::uint32_t>(requests_.size()));
    requests_.emplace_back();
  }
  const std::uint32_t index = requests_free_.back();
  requests_free_.pop_back();
  requests_[index] = request;
  return index;
}

}  // namespace loadline::simulator
