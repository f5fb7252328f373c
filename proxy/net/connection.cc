// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/connection.h"

#include <event2/event.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/net/system_clock.h"
#include "proxy/net/worker.h"

namespace loadline::net {

using session::Action;

namespace {

// How long a client gets to read its last words.
constexpr Duration kClosingMax = std::chrono::seconds(2);
// How long a client may keep the database waiting before its slot goes to others.
constexpr Duration kStallAfter = std::chrono::milliseconds(20);

}  // namespace

Connection::Connection(Worker& worker, Route& route, Accepted accepted, TimePoint now)
    : worker_(worker),
      route_(route),
      client_fd_(std::move(accepted.fd)),
      from_client_(worker.input_pool()),
      to_client_(worker.output_pool()),
      to_server_(worker.output_pool()),
      session_(route.environment, route.make_dialogue(), to_client_address(accepted.peer),
               accepted.refuse_login, now),
      progress_at_(now) {
  session_.operation().owner = this;
}

Connection::~Connection() {
  client_event_.clear();
  server_event_.clear();
  route_.listener.open.subtract();
}

// ---- Entries. Each ends with settle().

void Connection::start(TimePoint now) { settle(now); }

void Connection::on_client_event(int /*fd*/, short what, void* self) {
  static_cast<Connection*>(self)->client_ready(what, monotonic_now());
}

void Connection::on_server_event(int /*fd*/, short what, void* self) {
  static_cast<Connection*>(self)->server_ready(what, monotonic_now());
}

void Connection::client_ready(short what, TimePoint now) {
  progress_at_ = now;
  if ((what & EV_WRITE) != 0) flush_client(now);
  if ((what & EV_READ) != 0) read_client(now);
  settle(now);
}

void Connection::server_ready(short what, TimePoint now) {
  progress_at_ = now;
  if (connecting_) {
    on_connect_done(take_socket_error(server_fd_.get()), now);
  } else {
    if ((what & EV_WRITE) != 0) flush_server(now);
    if ((what & EV_READ) != 0 && server_fd_.is_open()) read_server(now);
  }
  settle(now);
}

void Connection::on_verdict(TimePoint now) {
  session_.on_verdict(now);
  settle(now);
}

void Connection::on_cancel(CancelTicket ticket, TimePoint now) {
  const bool waited = session_.is_waiting();
  cancel_ticket_ = std::move(ticket);
  session_.on_cancel(now);
  if (waited) route_.upstream.cancels_answered.add();
  drain(now);
  cancel_ticket_.reset();
  settle(now);
}

void Connection::on_cancel_delivered(TimePoint now) {
  awaits_cancel_ = false;
  if (phase_ == Phase::closing) phase_ = Phase::dead;
  settle(now);
}

void Connection::on_drain(TimePoint now) {
  session_.on_drain();
  settle(now);
}

void Connection::cut(TimePoint now) {
  session_.on_cut(now);
  drain(now);
  phase_ = Phase::dead;
  settle(now);
}

void Connection::sweep(TimePoint now) {
  if (deadline_ <= now) {
    deadline_ = TimePoint::max();
    if (phase_ == Phase::closing) {
      phase_ = Phase::dead;
    } else if (connecting_) {
      on_connect_done(std::make_error_code(std::errc::timed_out), now);
    }
  }
  if (phase_ == Phase::open && session_.deadline() <= now) session_.on_timeout(now);
  if (is_deaf() && has_hung_up(client_fd_.get())) {
    client_eof_ = true;
    session_.on_client_closed(now);
  }
  if (holds_up_the_database() && now - progress_at_ >= kStallAfter) {
    session_.on_client_stalled(now);
  }
  settle(now);
}

// ---- Bytes.

void Connection::read_client(TimePoint now) {
  if (phase_ == Phase::closing) {  // Nobody is interested any more: only the end is.
    if (receive(client_fd_.get(), worker_.read_buffer()).kind == IoResult::Kind::closed) {
      phase_ = awaits_cancel_ ? Phase::closing : Phase::dead;
      client_eof_ = true;
    }
    return;
  }
  if (client_eof_) return;
  // One chunk at most: what the session can't use yet has to be kept.
  const bool fresh = from_client_.empty();
  const auto into = fresh ? worker_.read_buffer().first(wire::kPeekMax) : from_client_.tail();
  const IoResult got = receive(client_fd_.get(), into);
  switch (got.kind) {
    case IoResult::Kind::would_block:
      return;
    case IoResult::Kind::closed:
      client_eof_ = true;
      session_.on_client_closed(now);
      return;
    case IoResult::Kind::done:
      break;
  }
  route_.client_bytes_received.add(got.size);
  if (fresh) {
    session_.feed_client(into.first(got.size));
    fresh_input_ = true;
  } else {
    from_client_.commit(got.size);
  }
  drain(now);
}

void Connection::read_server(TimePoint now) {
  const auto into = worker_.read_buffer();
  const IoResult got = receive(server_fd_.get(), into);
  if (got.kind == IoResult::Kind::would_block) return;
  if (got.kind == IoResult::Kind::closed) {
    on_server_closed(now);
    return;
  }
  session_.feed_server(into.first(got.size));
  drain(now);
}

void Connection::flush_client(TimePoint now) {
  const IoResult sent = send(client_fd_.get(), to_client_.view());
  if (sent.kind == IoResult::Kind::closed) {
    to_client_.clear();
    client_failed_ = true;
    return;
  }
  to_client_.drop_front(sent.size);
  if (!to_client_.empty()) return;
  if (phase_ == Phase::closing) {
    ::shutdown(client_fd_.get(), SHUT_WR);
  } else {
    session_.on_client_drained(now);
  }
}

void Connection::flush_server(TimePoint now) {
  const IoResult sent = send(server_fd_.get(), to_server_.view());
  if (sent.kind == IoResult::Kind::closed) {
    on_server_closed(now);
    return;
  }
  to_server_.drop_front(sent.size);
}

void Connection::send_to_client(std::span<const std::byte> bytes) {
  if (client_failed_ || !client_fd_.is_open()) return;
  route_.client_bytes_sent.add(bytes.size());
  if (to_client_.empty()) {
    const IoResult sent = send(client_fd_.get(), bytes);
    if (sent.kind == IoResult::Kind::closed) {
      client_failed_ = true;
      return;
    }
    bytes = bytes.subspan(sent.size);
  }
  // There is room: nothing is read from the server while something is pending.
  [[maybe_unused]] const bool kept = to_client_.append(bytes);
  assert(kept);
}

void Connection::send_to_server(std::span<const std::byte> bytes) {
  if (!server_fd_.is_open() || server_failed_) return;
  if (to_server_.empty()) {
    const IoResult sent = send(server_fd_.get(), bytes);
    if (sent.kind == IoResult::Kind::closed) {
      // What the server said before it went is still to be read; the end shows there.
      server_failed_ = true;
      return;
    }
    bytes = bytes.subspan(sent.size);
  }
  // There is room: nothing is read from the client while something is pending.
  [[maybe_unused]] const bool kept = to_server_.append(bytes);
  assert(kept);
}

// ---- What the session wants.

void Connection::drain(TimePoint now) {
  if (phase_ != Phase::open) return;
  if (!fresh_input_) session_.feed_client(from_client_.view());
  for (;;) {
    const Action action = session_.next_action(now);
    if (action.kind != Action::Kind::none) {
      perform(action, now);
      if (phase_ != Phase::open) break;
      continue;
    }
    if (!std::exchange(client_failed_, false)) break;
    close_client();
    session_.on_client_closed(now);
  }
  keep_unconsumed();
}

void Connection::keep_unconsumed() {
  const auto left = session_.unconsumed();
  if (std::exchange(fresh_input_, false)) {
    [[maybe_unused]] const bool kept = from_client_.append(left);
    assert(kept);
  } else {
    from_client_.drop_front(from_client_.view().size() - left.size());
  }
  session_.feed_client({});
}

void Connection::perform(const Action& action, TimePoint now) {
  switch (action.kind) {
    case Action::Kind::none:
      return;
    case Action::Kind::send_to_client:
      return send_to_client(action.bytes);
    case Action::Kind::send_to_server:
      return send_to_server(action.bytes);
    case Action::Kind::connect_server:
      return connect_server(now);
    case Action::Kind::register_key:
      cancel_key_.assign(reinterpret_cast<const char*>(action.bytes.data()), action.bytes.size());
      route_.upstream.cancels.add(action.bytes, {&worker_, this});
      return;
    case Action::Kind::cancel_elsewhere:
      return cancel_elsewhere(action.bytes, now);
    case Action::Kind::cancel_at_server:
      worker_.send_cancel(route_.upstream, action.bytes, cancel_ticket_, now);
      return;
    case Action::Kind::close_client:
      return close_client();
    case Action::Kind::finish:
      return finish(now);
  }
}

void Connection::connect_server(TimePoint now) {
  addresses_ = route_.upstream.addresses.get();
  next_address_ = 0;
  deadline_ = now + route_.connect_timeout;
  connecting_ = true;
  if (addresses_->empty()) {
    on_connect_done(std::make_error_code(std::errc::address_not_available), now);
  } else {
    try_next_address(now);
  }
}

void Connection::try_next_address(TimePoint now) {
  auto fd = start_connect((*addresses_)[next_address_++]);
  if (fd) {
    server_fd_ = std::move(*fd);
  } else {
    on_connect_done(fd.error(), now);
  }
}

void Connection::on_connect_done(std::error_code error, TimePoint now) {
  server_event_.clear();  // Writable was wanted; from now on readable is.
  if (!error) {
    connecting_ = false;
    deadline_ = TimePoint::max();
    addresses_.reset();
    route_.upstream.on_connected();
    session_.on_server_connected();
    return;
  }
  server_fd_.reset();
  if (next_address_ < addresses_->size() && now < deadline_) return try_next_address(now);
  connecting_ = false;
  deadline_ = TimePoint::max();
  addresses_.reset();
  const std::string reason = error.message();
  route_.upstream.on_connect_failed(reason, now);
  session_.on_connect_failed(reason, now);
}

void Connection::on_server_closed(TimePoint now) {
  close_server();
  session_.on_server_closed(now);
  if (session_.farewell() == wire::Farewell::upstream_lost) route_.upstream.on_backend_lost(now);
}

void Connection::cancel_elsewhere(std::span<const std::byte> key, TimePoint now) {
  CancelTicket ticket = worker_.make_cancel_ticket(*this);
  awaits_cancel_ = true;
  const auto target = route_.upstream.cancels.find(key);
  if (!target) {
    // Perhaps a session of another proxy before the same database: the database knows.
    std::array<std::byte, 512> packet{};
    const auto dialogue = route_.make_dialogue();
    worker_.send_cancel(route_.upstream, dialogue->write_cancel(key, packet), std::move(ticket),
                        now);
    return;
  }
  Worker* worker = target->worker;
  std::string text(reinterpret_cast<const char*>(key.data()), key.size());
  worker->post([worker, &upstream = route_.upstream, text = std::move(text),
                ticket = std::move(ticket)] { worker->deliver_cancel(upstream, text, ticket); });
}

void Connection::close_client() {
  client_event_.clear();
  client_fd_.reset();
  to_client_.clear();
  client_eof_ = true;
}

void Connection::close_server() {
  server_event_.clear();
  server_fd_.reset();
  to_server_.clear();
  if (!cancel_key_.empty()) {
    route_.upstream.cancels.remove(std::as_bytes(std::span(cancel_key_)), this);
    cancel_key_.clear();
  }
}

void Connection::finish(TimePoint now) {
  count_ending();
  close_server();
  connecting_ = false;
  if (!client_fd_.is_open() || (client_eof_ && to_client_.empty() && !awaits_cancel_)) {
    phase_ = Phase::dead;
    return;
  }
  // Closing with unread input would make the kernel send a reset, and that can overtake the last
  // words.
  phase_ = Phase::closing;
  worker_.on_session_over(*this);
  deadline_ = now + kClosingMax;
  if (to_client_.empty() && !awaits_cancel_) ::shutdown(client_fd_.get(), SHUT_WR);
}

void Connection::count_ending() {
  using session::ClientRefusal;
  ListenerCounters& listener = route_.listener;
  if (session_.client_was_broken()) listener.count(ClientRefusal::protocol_error);
  if (!session_.farewell()) return;
  switch (*session_.farewell()) {
    case wire::Farewell::too_many_clients:
      return listener.count(ClientRefusal::too_many_clients);
    case wire::Farewell::too_many_backends:
      return listener.count(ClientRefusal::too_many_backends);
    case wire::Farewell::draining:
      return listener.count(ClientRefusal::draining);
    case wire::Farewell::login_timeout:
      return listener.count(ClientRefusal::login_timeout);
    case wire::Farewell::upstream_unreachable:
      return listener.count(ClientRefusal::upstream_unreachable);
    case wire::Farewell::shutting_down:
    case wire::Farewell::upstream_lost:
    case wire::Farewell::bad_bytes_from_upstream:
      return;
  }
}

// ---- After every entry.

void Connection::settle(TimePoint now) {
  drain(now);
  Upstream& upstream = route_.upstream;
  Worker& worker = worker_;
  if (phase_ == Phase::closing && std::exchange(client_failed_, false)) {
    if (!awaits_cancel_) phase_ = Phase::dead;
  }
  if (phase_ == Phase::dead) {
    worker.destroy(*this);
  } else {
    update_events();
    worker.watch(*this, needs_watching());
  }
  worker.after_event(upstream, now);
}

void Connection::update_events() {
  if (client_fd_.is_open()) {
    short what = 0;
    if (!client_eof_ && to_server_.empty() && from_client_.room() > 0) what = EV_READ;
    if (!to_client_.empty()) what = static_cast<short>(what | EV_WRITE);
    client_event_.want(worker_.loop(), client_fd_.get(), what, &Connection::on_client_event, this);
  }
  if (server_fd_.is_open()) {
    short what = 0;
    if (connecting_) {
      what = EV_WRITE;
    } else {
      if (to_client_.empty()) what = EV_READ;
      if (!to_server_.empty()) what = static_cast<short>(what | EV_WRITE);
    }
    server_event_.want(worker_.loop(), server_fd_.get(), what, &Connection::on_server_event, this);
  }
}

bool Connection::holds_up_the_database() const noexcept {
  return phase_ == Phase::open && (!to_client_.empty() || session_.awaits_client());
}

// It has sent so much behind a waiting operation that nothing more is read, so that its end would
// not be seen either.
bool Connection::is_deaf() const noexcept {
  return phase_ == Phase::open && !client_eof_ && from_client_.room() == 0;
}

bool Connection::needs_watching() const noexcept {
  return deadline_ != TimePoint::max() || session_.deadline() != TimePoint::max() ||
         holds_up_the_database() || is_deaf();
}

}  // namespace loadline::net
