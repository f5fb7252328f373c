// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/session.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/session/refusal_text.h"

namespace loadline::session {
namespace {

using Kind = Action::Kind;
using wire::ClientStep;
using wire::ServerStep;

Outcome to_outcome(wire::ReplyOutcome outcome) noexcept {
  switch (outcome) {
    case wire::ReplyOutcome::ok:
      return Outcome::ok;
    case wire::ReplyOutcome::error:
      return Outcome::error;
    case wire::ReplyOutcome::overload:
      return Outcome::overload;
  }
  return Outcome::ok;
}

}  // namespace

Session::Session(Environment& environment, std::unique_ptr<wire::Dialogue> dialogue,
                 const ClientAddress& address, std::optional<wire::Farewell> refuse_login,
                 TimePoint now)
    : environment_(environment),
      dialogue_(std::move(dialogue)),
      refuse_login_(refuse_login),
      deadline_(now + environment.login_timeout),
      operation_(environment.worker_index, environment.decided) {
  facts_.address = address;
}

Session::~Session() {
  assert(operation_.state() == Operation::State::idle);
  assert(!has_quota_);
}

// ---- What the outside reports.

void Session::on_server_connected() noexcept {
  assert(state_ == State::connecting);
  dialogue_->backend_connected();
  connected_ = true;
  need_more_ = false;
  state_ = State::login;
}

void Session::on_connect_failed(std::string_view reason, TimePoint now) noexcept {
  say_farewell(wire::Farewell::upstream_unreachable, reason, now);
}

void Session::on_client_closed(TimePoint now) noexcept {
  if (state_ == State::leaving) return;  // It may have closed its sending half only.
  client_gone_ = true;
  switch (state_) {
    case State::startup:
    case State::connecting:
    case State::login:
      end(Outcome::abandoned, now);
      return;
    case State::ready:
      if (waiting_) withdraw(now);
      // A backend that waits for the rest of something ends it itself when its connection closes.
      // One that works is told to stop: the work would be for nobody.
      if (dialogue_->engaged() && !dialogue_->awaits_client() && !dialogue_->cancel_key().empty()) {
        state_ = State::lingering;
        deadline_ = now + environment_.cancel_timeout;
        send_cancel_ = true;
        close_client_ = true;
      } else {
        end(Outcome::abandoned, now);
      }
      return;
    case State::leaving:
    case State::lingering:
    case State::ended:
      return;
  }
}

void Session::on_server_closed(TimePoint now) noexcept {
  connected_ = false;
  if (waiting_) withdraw(now);
  if (state_ == State::login || state_ == State::ready) {
    const std::string_view detail =
        dialogue_->engaged() ? "The outcome of what was under way is not known." : "";
    complete(Outcome::lost, now);
    say_farewell(wire::Farewell::upstream_lost, detail, now);
  } else {
    end(Outcome::lost, now);
  }
}

void Session::on_verdict(TimePoint now) noexcept {
  if (!waiting_) return;
  waiting_ = false;
  const Verdict& verdict = operation_.verdict();
  if (verdict.kind == Verdict::Kind::admit) {
    dialogue_->admit();
  } else {
    refuse(verdict, now);
  }
}

void Session::on_cancel(TimePoint now) noexcept {
  if (state_ != State::ready) return;
  if (!waiting_) {
    send_cancel_ = true;
    return;
  }
  withdraw(now);
  reply_ = dialogue_->refuse({.kind = wire::Refusal::Kind::cancelled,
                              .code = {},
                              .message = "canceling statement due to user request",
                              .detail = {},
                              .hint = {}},
                             environment_.scratch);
}

void Session::on_timeout(TimePoint now) noexcept {
  if (state_ == State::lingering) {
    end(Outcome::abandoned, now);
  } else {
    say_farewell(wire::Farewell::login_timeout, {}, now);
  }
}

void Session::on_client_stalled(TimePoint now) noexcept {
  if (is(Operation::State::active)) {
    end_pause(now);
    environment_.gate.hold(operation_, now);
  }
}

void Session::on_client_drained(TimePoint now) noexcept {
  if (is(Operation::State::held) && dialogue_->owed() > 0) {
    environment_.gate.resume(operation_, now);
  }
}

void Session::on_drain() noexcept { draining_ = true; }

void Session::on_cut(TimePoint now) noexcept {
  if (state_ != State::ended) say_farewell(wire::Farewell::shutting_down, {}, now);
}

// ---- What comes of it.

Action Session::next_action(TimePoint now) noexcept {
  for (;;) {
    Action action = take_output();
    if (action.kind != Kind::none) return action;

    if (!server_in_.empty()) {
      action = pump_server(now);
    } else if (!client_in_.empty() && may_take_client()) {
      action = pump_client(now);
    } else if (draining_ && may_rest()) {
      say_farewell(wire::Farewell::shutting_down, {}, now);
    } else {
      return {};
    }
    if (action.kind != Kind::none) return action;
  }
}

Action Session::take_output() noexcept {
  if (!reply_.empty()) {
    const auto bytes = std::exchange(reply_, {});
    if (!client_gone_) return {Kind::send_to_client, bytes};
  }
  if (std::exchange(register_key_, false)) return {Kind::register_key, dialogue_->cancel_key()};
  if (std::exchange(send_cancel_, false)) {
    return {Kind::cancel_at_server,
            dialogue_->write_cancel(dialogue_->cancel_key(), environment_.scratch)};
  }
  if (std::exchange(close_client_, false)) return {Kind::close_client};
  if (std::exchange(ask_for_answers_, false)) {
    return {Kind::send_to_server, dialogue_->ask_for_answers()};
  }
  if (std::exchange(send_goodbye_, false)) return {Kind::send_to_server, dialogue_->goodbye()};
  if (state_ == State::ended) return {Kind::finish};
  return {};
}

bool Session::may_rest() const noexcept {
  return state_ == State::ready && !waiting_ && dialogue_->at_rest();
}

Action Session::pump_server(TimePoint now) noexcept {
  const auto input = server_in_;
  std::size_t run = 0;
  while (run < input.size()) {
    const ServerStep step = dialogue_->next_server(input.subspan(run));
    run += step.size;
    switch (step.event) {
      case ServerStep::Event::none:
        break;
      case ServerStep::Event::logged_in:
        on_logged_in();
        break;
      case ServerStep::Event::ready:
        on_reply_complete(now);
        break;
      case ServerStep::Event::renamed:
        rename();
        break;
      case ServerStep::Event::broken:
        server_in_ = {};
        say_farewell(wire::Farewell::bad_bytes_from_upstream, {}, now);
        return {};
    }
  }
  server_in_ = {};
  // An extended batch without its Sync never gets further than to its error.
  if (state_ == State::lingering && (!dialogue_->engaged() || dialogue_->awaits_client())) {
    end(Outcome::abandoned, now);
  }
  if (client_gone_) return {};
  return {Kind::send_to_client, input};
}

void Session::on_logged_in() noexcept {
  if (state_ == State::login) {
    state_ = State::ready;
    deadline_ = TimePoint::max();
  }
  register_key_ = !dialogue_->cancel_key().empty();
  need_more_ = false;
  rename();
}

void Session::rename() noexcept {
  if (facts_.application == dialogue_->application()) return;
  facts_.application = dialogue_->application();
  class_.maker = nullptr;  // Classified anew with the next statement.
}

void Session::on_reply_complete(TimePoint now) noexcept {
  const Outcome outcome =
      state_ == State::lingering ? Outcome::abandoned : to_outcome(dialogue_->reply_outcome());
  if (environment_.ends != nullptr) ++course_.statements;
  // Between two statements of a transaction the slot is kept, for a while: given up at once, it
  // would go to a transaction more with every statement, and all of them would meet at the same
  // locks.
  if (dialogue_->in_transaction()) {
    if (!dialogue_->has_work()) begin_pause(now);
    return;
  }
  if (!dialogue_->has_work()) {
    complete(outcome, now);
  } else if (is(Operation::State::active)) {
    tell_executed(outcome, now);
    environment_.gate.complete_ridden(operation_, outcome, now);
  }
}

bool Session::may_take_client() const noexcept {
  if (waiting_ || need_more_) return false;
  if (parked_ && (dialogue_->answers_due() || dialogue_->server_mid_message())) return false;
  return state_ == State::startup || state_ == State::login || state_ == State::ready;
}

// Collects what may go to the backend in one run, up to the first thing that needs more than that.
Action Session::pump_client(TimePoint now) noexcept {
  if (held_step_) return act_on(*std::exchange(held_step_, std::nullopt), now);
  parked_ = false;

  std::size_t run = 0;
  while (run < client_in_.size()) {
    const ClientStep step = dialogue_->next_client(client_in_.subspan(run));
    if (step.kind == ClientStep::Kind::forward) {
      run += step.size;
      continue;
    }
    if (step.kind == ClientStep::Kind::need_more) {
      need_more_ = true;
      break;
    }
    if (step.kind == ClientStep::Kind::statement) {
      if (decide(step.statement, now) == Decision::pass) {
        dialogue_->admit();
        continue;
      }
      break;
    }
    if (run == 0) return act_on(step, now);
    held_step_ = step;
    break;
  }
  return run > 0 ? forward_run(run, now) : Action{};
}

Action Session::forward_run(std::size_t size, TimePoint now) noexcept {
  end_pause(now);
  if (is(Operation::State::held)) environment_.gate.resume(operation_, now);
  const auto bytes = client_in_.first(size);
  client_in_ = client_in_.subspan(size);
  return {Kind::send_to_server, bytes};
}

Action Session::act_on(const ClientStep& step, TimePoint now) noexcept {
  const auto bytes = client_in_.first(step.size);
  switch (step.kind) {
    case ClientStep::Kind::discard:
      client_in_ = client_in_.subspan(step.size);
      return {};
    case ClientStep::Kind::reply:
      client_in_ = client_in_.subspan(step.size);
      return {Kind::send_to_client, step.reply};
    case ClientStep::Kind::login:
      return log_in(step.login, now);
    case ClientStep::Kind::cancel:
      client_in_ = {};
      end(Outcome::ok, now);
      return {Kind::cancel_elsewhere, step.reply};
    case ClientStep::Kind::leave:
      client_in_ = {};
      state_ = State::leaving;
      return {Kind::send_to_server, bytes};
    case ClientStep::Kind::broken:
      client_in_ = {};
      client_was_broken_ = true;
      end(Outcome::abandoned, now);
      return {Kind::send_to_client, step.reply};
    case ClientStep::Kind::need_more:
    case ClientStep::Kind::forward:
    case ClientStep::Kind::statement:
      break;
  }
  assert(false);
  return {};
}

Action Session::log_in(const wire::Login& login, TimePoint now) noexcept {
  if (environment_.draining) refuse_login_ = wire::Farewell::draining;
  if (!refuse_login_ && !environment_.quota.try_take()) {
    refuse_login_ = wire::Farewell::too_many_backends;
  }
  if (refuse_login_) {
    say_farewell(*refuse_login_, {}, now);
    return {};
  }
  has_quota_ = true;
  ungated_ = login.ungated;
  facts_.user = login.user;
  facts_.database = login.database;
  facts_.application = login.application;
  state_ = State::connecting;
  return {Kind::connect_server};
}

// ---- Admission.

Session::Decision Session::decide(const wire::Statement& statement, TimePoint now) noexcept {
  if (ungated_ || state_ != State::ready) return Decision::pass;
  const bool is_idle = is(Operation::State::idle);
  // A statement of an open transaction, or of a batch whose beginning has been sent.
  const bool continues = dialogue_->in_transaction() || !statement.starts_batch;
  if (continues && !is_idle) {
    if (statement.has_text && statement.name_hash != 0) (void)classify(statement, now);
    return Decision::pass;
  }
  // BEGIN is where a transaction is admitted or not: nothing after it can be shed.
  const bool is_control = classify(statement, now) < sql::StatementKind::begin;
  if (is_control) return Decision::pass;
  if (continues) {
    begin_course();
    course_.is_unconditional = true;
    environment_.gate.admit_unconditionally(operation_, current_.profile, now);
    return Decision::pass;
  }
  if (is_idle) return decide_new(now);
  if (environment_.gate.ride(operation_, current_.profile, now)) {
    tell(EndedOperation::How::ridden, current_.profile, now, now);
    return Decision::pass;
  }
  parked_ = true;
  return Decision::stop;
}

Session::Decision Session::decide_new(TimePoint now) noexcept {
  // A refusal has its place behind the replies that are still owed.
  if (dialogue_->answers_due() || dialogue_->server_mid_message()) {
    parked_ = true;
    ask_for_answers_ = dialogue_->owed() == 0 && dialogue_->answers_due();
    return Decision::stop;
  }
  begin_course();
  const Verdict verdict = environment_.gate.offer(operation_, current_.profile, now);
  switch (verdict.kind) {
    case Verdict::Kind::admit:
      if (verdict.rehearsed != ShedReason::none) {
        environment_.sheds.on_shed(verdict, current_, now);
      }
      return Decision::pass;
    case Verdict::Kind::wait:
      waiting_ = true;
      return Decision::stop;
    case Verdict::Kind::shed:
      refuse(verdict, now);
      return Decision::refused;
  }
  return Decision::pass;
}

sql::StatementKind Session::classify(const wire::Statement& statement, TimePoint now) noexcept {
  if (!statement.has_text && statement.name_hash != 0) {
    if (const KnownStatement* known = statements_.find(statement.name_hash)) {
      current_ = known->classification;
      return known->kind;
    }
  }
  const Classifier& classifier = *environment_.classifier;
  if (class_.maker != &classifier) class_ = classifier.connect(facts_);
  sql::StatementScan scan{.kind = sql::StatementKind::other};
  if (statement.has_text) {
    scan = sql::scan(statement.text, dialogue_->dialect(),
                     statement.text_cut ? sql::Extent::prefix : sql::Extent::whole);
  }
  classifier.classify(class_, scan, now, current_);
  if (statement.has_text && statement.name_hash != 0) {
    statements_.put(statement.name_hash, {scan.kind, current_});
  }
  return scan.kind;
}

void Session::refuse(const Verdict& verdict, TimePoint now) noexcept {
  const RefusalText text(verdict, current_);
  reply_ = dialogue_->refuse({.kind = wire::Refusal::Kind::shed,
                              .code = environment_.shed_code,
                              .message = "operation shed: the database is overloaded",
                              .detail = text.detail(),
                              .hint = text.hint()},
                             environment_.scratch);
  environment_.sheds.on_shed(verdict, current_, now);
  tell(EndedOperation::How::shed, operation_.profile(), operation_.offered_at(), now);
}

// ---- Endings.

// Takes the waiting operation out of the gate, whatever the gate has made of it in the meantime.
void Session::withdraw(TimePoint now) noexcept {
  assert(waiting_);
  waiting_ = false;
  if (environment_.gate.abandon(operation_, now)) {
    tell(EndedOperation::How::withdrawn, operation_.profile(), operation_.offered_at(), now);
    return;
  }
  environment_.decided.remove(operation_);
  if (operation_.verdict().kind == Verdict::Kind::shed) {
    tell(EndedOperation::How::shed, operation_.profile(), operation_.offered_at(), now);
  }
  complete(Outcome::abandoned, now);
}

void Session::complete(Outcome outcome, TimePoint now) noexcept {
  if (is(Operation::State::active) || is(Operation::State::held)) {
    tell_executed(outcome, now);
    environment_.gate.complete(operation_, outcome, now);
  }
}

void Session::say_farewell(wire::Farewell why, std::string_view detail, TimePoint now) noexcept {
  farewell_ = why;
  reply_ = dialogue_->write_farewell(why, detail, environment_.scratch);
  end(Outcome::abandoned, now);
}

void Session::end(Outcome outcome, TimePoint now) noexcept {
  if (waiting_) withdraw(now);
  complete(outcome, now);
  // In the middle of a message of the client's a goodbye would be taken for a part of it.
  send_goodbye_ = connected_ && !dialogue_->awaits_client() && state_ != State::leaving;
  state_ = State::ended;
  deadline_ = TimePoint::max();
  if (std::exchange(has_quota_, false)) environment_.quota.give_back();
}

// ---- What an observer is told.

void Session::begin_course() noexcept {
  if (environment_.ends != nullptr) course_ = {};
}

void Session::begin_pause(TimePoint now) noexcept {
  if (environment_.ends != nullptr && is(Operation::State::active)) course_.paused_since = now;
}

// The gate counts the pauses of an active operation as service: for the slot they are.
void Session::end_pause(TimePoint now) noexcept {
  if (!course_.paused_since) return;
  course_.paused_with_slot += elapsed_since(*course_.paused_since, now);
  course_.paused_since.reset();
}

void Session::tell_executed(Outcome outcome, TimePoint now) noexcept {
  if (environment_.ends == nullptr || std::exchange(course_.is_told, true)) return;
  end_pause(now);
  const Verdict& verdict = operation_.verdict();
  const Duration service = operation_.served_until(now) - course_.paused_with_slot;
  const Duration since_verdict = elapsed_since(operation_.offered_at() + verdict.waited, now);
  environment_.ends->on_end(
      {.how = EndedOperation::How::executed,
       .profile = operation_.profile(),
       .verdict = verdict,
       .offered_at = operation_.offered_at(),
       .outcome = outcome,
       .service = std::max(service, Duration::zero()),
       .paused = std::max(since_verdict - service, Duration::zero()),
       .statements = std::max(course_.statements, 1U),
       .is_transaction = course_.statements > 1 || dialogue_->in_transaction(),
       .is_unconditional = course_.is_unconditional},
      now);
}

void Session::tell(EndedOperation::How how, const OperationProfile& profile, TimePoint offered_at,
                   TimePoint now) noexcept {
  if (environment_.ends == nullptr) return;
  environment_.ends->on_end({.how = how,
                             .profile = profile,
                             .verdict = operation_.verdict(),
                             .offered_at = offered_at,
                             .outcome = Outcome::ok,
                             .service = Duration::zero(),
                             .paused = Duration::zero(),
                             .statements = 1,
                             .is_transaction = false,
                             .is_unconditional = false},
                            now);
}

}  // namespace loadline::session
