// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <event2/event_struct.h>

#include <functional>
#include <mutex>
#include <vector>

#include "proxy/net/unique_fd.h"
#include "shedder/clock.h"

struct event_base;

namespace loadline::net {

// One libevent loop for one thread: readiness, timers, and tasks from other threads. Only post()
// and stop() may be called from elsewhere.
class EventLoop {
 public:
  using Task = std::function<void()>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Until stop(). The thread that runs it owns everything that is registered here.
  void run();
  void stop();
  // Runs `task` on the loop's thread, in order. What is posted after the loop has ended never runs.
  void post(Task task);

  [[nodiscard]] event_base* base() noexcept { return base_; }

 private:
  static void on_wake(int fd, short what, void* self);
  void run_tasks();

  event_base* base_;
  UniqueFd wake_fd_;
  event wake_event_ = {};
  std::mutex mutex_;
  std::vector<Task> tasks_;
};

// Calls back on its loop's thread. Belongs to that thread.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> on_due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Once, `delay` from now; replaces what was set before. A negative delay is none.
  void set(Duration delay);
  [[nodiscard]] bool is_set() const noexcept { return is_set_; }

 private:
  static void on_timeout(int fd, short what, void* self);

  std::function<void()> on_due_;
  event event_ = {};
  bool is_set_ = false;
};

// Readiness of one descriptor. Which kinds are wanted may change at any time, also from within the
// callback. Belongs to its loop's thread.
class FdEvent {
 public:
  using Callback = void (*)(int fd, short what, void* context);

  FdEvent() noexcept = default;
  ~FdEvent() { clear(); }
  FdEvent(const FdEvent&) = delete;
  FdEvent& operator=(const FdEvent&) = delete;

  // `what` is any of EV_READ, EV_WRITE, EV_CLOSED, or 0. Cheap if nothing changes.
  void want(EventLoop& loop, int fd, short what, Callback callback, void* context) noexcept;
  // Before the descriptor is closed.
  void clear() noexcept;

 private:
  event event_ = {};
  short wanted_ = 0;
};

}  // namespace loadline::net
