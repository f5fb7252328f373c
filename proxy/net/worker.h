// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "proxy/net/buffer_pool.h"
#include "proxy/net/cancel_sender.h"
#include "proxy/net/connection.h"
#include "proxy/net/event_loop.h"
#include "proxy/net/route.h"

namespace loadline::net {

// Operations of one worker's sessions that some thread's gate call has decided. Thread-safe.
class DecidedOperations final : public session::DecidedList {
 public:
  // `on_first` is called when the list stops being empty, by whichever thread.
  explicit DecidedOperations(std::function<void()> on_first) : on_first_(std::move(on_first)) {}

  void on_verdict(Operation& operation) noexcept override;
  void remove(Operation& operation) noexcept override;
  // Oldest first; null if there is none.
  [[nodiscard]] Operation* take() noexcept;

 private:
  std::function<void()> on_first_;
  std::mutex mutex_;
  std::atomic<bool> any_{false};
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

// One thread, its loop, and the connections that live on it.
class Worker {
 public:
  // `request_tick` asks the control thread to tick the gates soon; thread-safe.
  Worker(std::uint32_t index, std::function<void()> request_tick);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before start().
  Route& add_route(ListenerCounters& listener, Upstream& upstream, DialogueFactory make_dialogue);
  void start();

  // From any thread.
  void adopt(std::size_t route_index, Connection::Accepted accepted);
  void post(EventLoop::Task task) { loop_.post(std::move(task)); }
  [[nodiscard]] std::uint64_t connection_count() const noexcept {
    return connection_count_.load(std::memory_order_relaxed);
  }
  // Of those, the ones that are more than a client reading its last words.
  [[nodiscard]] std::uint64_t session_count() const noexcept {
    return session_count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] const std::deque<Route>& routes() const noexcept { return routes_; }
  // Ends what is left, and the thread.
  void stop();

  // On the worker's thread only.
  [[nodiscard]] std::deque<Route>& own_routes() noexcept { return routes_; }
  void drain(TimePoint now);
  void deliver_cancel(Upstream& upstream, const std::string& key, const CancelTicket& ticket);
  void send_cancel(Upstream& upstream, std::span<const std::byte> packet, CancelTicket ticket,
                   TimePoint now);

  // For connections.
  [[nodiscard]] EventLoop& loop() noexcept { return loop_; }
  [[nodiscard]] BufferPool& input_pool() noexcept { return input_pool_; }
  [[nodiscard]] BufferPool& output_pool() noexcept { return output_pool_; }
  [[nodiscard]] std::span<std::byte> read_buffer() noexcept { return read_buffer_; }
  [[nodiscard]] CancelTicket make_cancel_ticket(Connection& canceller);
  void watch(Connection& connection, bool wanted);
  void on_session_over(Connection& connection) noexcept;
  void destroy(Connection& connection);
  // After each event: verdicts that it brought about are acted on.
  void after_event(Upstream& upstream, TimePoint now);

 private:
  void deliver_verdicts(TimePoint now);
  void sweep();
  void finish_cancel(const Connection* canceller);

  std::uint32_t index_;
  std::function<void()> request_tick_;
  EventLoop loop_;
  Timer sweep_timer_;
  DecidedOperations decided_;
  BufferPool input_pool_;
  BufferPool output_pool_;
  std::vector<std::byte> read_buffer_;
  std::deque<Route> routes_;  // A deque: connections keep references.
  Connection* all_ = nullptr;
  Connection* watched_ = nullptr;
  std::vector<const Connection*> cancellers_;
  std::list<CancelSender> cancel_senders_;
  std::atomic<std::uint64_t> connection_count_{0};
  std::atomic<std::uint64_t> session_count_{0};
  std::atomic<std::thread::id> thread_id_;
  std::thread thread_;
  bool draining_ = false;
  bool delivering_ = false;  // Or: not to deliver now, a list of connections is being walked.
  // What a cancel ticket that outlives the worker looks at.
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace loadline::net
