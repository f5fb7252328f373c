// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/worker.h"

#include <algorithm>
#include <utility>

#include "proxy/net/system_clock.h"

namespace loadline::net {
namespace {

constexpr std::size_t kServerReadSize = 64 * 1024;
// A read of the server's, and a reply or two of ours behind it.
constexpr std::size_t kOutputChunkSize = kServerReadSize + 4 * wire::kReplyMax;
constexpr std::size_t kFreeChunksMax = 64;
constexpr Duration kSweepInterval = std::chrono::milliseconds(10);
constexpr Duration kCancelMax = std::chrono::seconds(5);
// Cancels at once: more would be a storm of connections on a database in trouble.
constexpr std::size_t kCancelsMax = 64;

// The lists of connections are intrusive: a connection is in each at most once.
template <Connection::Links Connection::*kLinks>
void link(Connection*& head, Connection& connection) noexcept {
  auto& links = connection.*kLinks;
  if (links.linked) return;
  links = {.previous = nullptr, .next = head, .linked = true};
  if (head != nullptr) (head->*kLinks).previous = &connection;
  head = &connection;
}

template <Connection::Links Connection::*kLinks>
void unlink(Connection*& head, Connection& connection) noexcept {
  auto& links = connection.*kLinks;
  if (!links.linked) return;
  if (links.previous != nullptr) {
    (links.previous->*kLinks).next = links.next;
  } else {
    head = links.next;
  }
  if (links.next != nullptr) (links.next->*kLinks).previous = links.previous;
  links = {};
}

}  // namespace

void DecidedOperations::on_verdict(Operation& operation) noexcept {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    operation.next_decided = nullptr;
    was_empty = first_ == nullptr;
    (was_empty ? first_ : last_->next_decided) = &operation;
    last_ = &operation;
    any_.store(true, std::memory_order_release);
  }
  if (was_empty) on_first_();
}

void DecidedOperations::remove(Operation& operation) noexcept {
  const std::lock_guard lock(mutex_);
  Operation* previous = nullptr;
  for (Operation* at = first_; at != nullptr; previous = at, at = at->next_decided) {
    if (at != &operation) continue;
    (previous == nullptr ? first_ : previous->next_decided) = at->next_decided;
    if (last_ == at) last_ = previous;
    break;
  }
  any_.store(first_ != nullptr, std::memory_order_release);
}

Operation* DecidedOperations::take() noexcept {
  if (!any_.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(mutex_);
  Operation* operation = first_;
  if (operation == nullptr) return nullptr;
  first_ = operation->next_decided;
  any_.store(first_ != nullptr, std::memory_order_release);
  return operation;
}

Worker::Worker(std::uint32_t index, std::function<void()> request_tick)
    : index_(index),
      request_tick_(std::move(request_tick)),
      sweep_timer_(loop_, [this] { sweep(); }),
      decided_([this] {
        // On the worker's own thread the list is looked at when the event is over.
        if (std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed)) return;
        loop_.post([this] { deliver_verdicts(monotonic_now()); });
      }),
      input_pool_(wire::kPeekMax, kFreeChunksMax),
      output_pool_(kOutputChunkSize, kFreeChunksMax),
      read_buffer_(kServerReadSize) {}

Worker::~Worker() { stop(); }

Route& Worker::add_route(ListenerCounters& listener, Upstream& upstream,
                         DialogueFactory make_dialogue) {
  return routes_.emplace_back(listener, upstream, std::move(make_dialogue),
                              session::Environment{.gate = upstream.gate,
                                                   .quota = upstream.quota,
                                                   .decided = decided_,
                                                   .sheds = upstream,
                                                   .ends = nullptr,
                                                   .worker_index = index_,
                                                   .classifier = {},
                                                   .shed_code = {}});
}

void Worker::start() {
  thread_ = std::thread([this] {
    thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    loop_.run();
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    const TimePoint now = monotonic_now();
    while (all_ != nullptr) all_->cut(now);
    cancel_senders_.clear();
  });
  loop_.stop();
  thread_.join();
}

void Worker::adopt(std::size_t route_index, Connection::Accepted accepted) {
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  session_count_.fetch_add(1, std::memory_order_relaxed);
  // A task must be copyable, a socket is not.
  auto shared = std::make_shared<Connection::Accepted>(std::move(accepted));
  loop_.post([this, route_index, shared = std::move(shared)] {
    const TimePoint now = monotonic_now();
    auto* connection = new Connection(*this, routes_[route_index], std::move(*shared), now);
    link<&Connection::all_links>(all_, *connection);
    if (draining_) {
      connection->on_drain(now);
    } else {
      connection->start(now);
    }
  });
}

void Worker::destroy(Connection& connection) {
  unlink<&Connection::all_links>(all_, connection);
  watch(connection, false);
  finish_cancel(&connection);
  on_session_over(connection);
  delete &connection;
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::on_session_over(Connection& connection) noexcept {
  if (std::exchange(connection.counted_as_session, false)) {
    session_count_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void Worker::drain(TimePoint now) {
  draining_ = true;
  for (Route& route : routes_) route.environment.draining = true;
  delivering_ = true;  // A verdict could end the next connection of the list.
  for (Connection* connection = all_; connection != nullptr;) {
    Connection* next = connection->all_links.next;
    connection->on_drain(now);
    connection = next;
  }
  delivering_ = false;
  deliver_verdicts(now);
}

// ---- Verdicts.

void Worker::after_event(Upstream& upstream, TimePoint now) {
  if (upstream.gate.take_wake_request()) request_tick_();
  deliver_verdicts(now);
}

void Worker::deliver_verdicts(TimePoint now) {
  if (delivering_) return;  // An entry of a connection that we are delivering to.
  delivering_ = true;
  while (Operation* operation = decided_.take()) {
    static_cast<Connection*>(operation->owner)->on_verdict(now);
  }
  delivering_ = false;
}

// ---- What takes too long.

void Worker::watch(Connection& connection, bool wanted) {
  if (wanted) {
    link<&Connection::watch_links>(watched_, connection);
    if (!sweep_timer_.is_set()) sweep_timer_.set(kSweepInterval);
  } else {
    unlink<&Connection::watch_links>(watched_, connection);
  }
}

void Worker::sweep() {
  const TimePoint now = monotonic_now();
  delivering_ = true;
  for (Connection* connection = watched_; connection != nullptr;) {
    Connection* next = connection->watch_links.next;
    connection->sweep(now);
    connection = next;
  }
  delivering_ = false;
  deliver_verdicts(now);
  cancel_senders_.remove_if([&](const CancelSender& sender) { return sender.is_over(now); });
  if (watched_ != nullptr || !cancel_senders_.empty()) sweep_timer_.set(kSweepInterval);
}

// ---- Cancels.

CancelTicket Worker::make_cancel_ticket(Connection& canceller) {
  cancellers_.push_back(&canceller);
  return {&canceller, [this, alive = std::weak_ptr<int>(alive_)](Connection* asked) {
            if (alive.expired()) return;
            loop_.post([this, asked] {
              if (std::ranges::find(cancellers_, asked) == cancellers_.end()) return;
              finish_cancel(asked);
              asked->on_cancel_delivered(monotonic_now());
            });
          }};
}

void Worker::finish_cancel(const Connection* canceller) { std::erase(cancellers_, canceller); }

void Worker::deliver_cancel(Upstream& upstream, const std::string& key,
                            const CancelTicket& ticket) {
  // Asked again: in the meantime the session may have ended, here.
  const auto target = upstream.cancels.find(std::as_bytes(std::span(key)));
  if (target && target->worker == this) target->connection->on_cancel(ticket, monotonic_now());
}

void Worker::send_cancel(Upstream& upstream, std::span<const std::byte> packet, CancelTicket ticket,
                         TimePoint now) {
  const auto addresses = upstream.addresses.get();
  if (addresses->empty() || cancel_senders_.size() >= kCancelsMax) return;
  upstream.cancels_forwarded.add();
  cancel_senders_.emplace_back(loop_, addresses->front(), packet, std::move(ticket),
                               now + kCancelMax);
  if (!sweep_timer_.is_set()) sweep_timer_.set(kSweepInterval);
}

}  // namespace loadline::net
