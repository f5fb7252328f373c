// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/event_loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <system_error>
#include <utility>

namespace loadline::net {
namespace {

event_base* make_base() {
  event_config* config = event_config_new();
  if (config == nullptr) throw std::bad_alloc();
  // A base belongs to one thread; others reach it by post().
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  if (base == nullptr) throw std::system_error(errno, std::system_category(), "event loop");
  return base;
}

timeval to_timeval(Duration delay) noexcept {
  const auto whole =
      std::chrono::duration_cast<std::chrono::microseconds>(std::max(delay, Duration::zero()));
  return {.tv_sec = whole.count() / 1'000'000,
          .tv_usec = static_cast<suseconds_t>(whole.count() % 1'000'000)};
}

}  // namespace

EventLoop::EventLoop() : base_(make_base()), wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!wake_fd_.is_open()) {
    event_base_free(base_);
    throw std::system_error(errno, std::system_category(), "eventfd");
  }
  event_assign(&wake_event_, base_, wake_fd_.get(), EV_READ | EV_PERSIST, &EventLoop::on_wake,
               this);
  event_add(&wake_event_, nullptr);
}

EventLoop::~EventLoop() {
  event_del(&wake_event_);
  event_base_free(base_);
}

void EventLoop::run() { event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY); }

void EventLoop::stop() {
  post([this] { event_base_loopbreak(base_); });
}

void EventLoop::post(Task task) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (!was_empty) return;
  const std::uint64_t one = 1;
  // Fails only if the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof(one));
}

void EventLoop::on_wake(int fd, short /*what*/, void* self) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t size = ::read(fd, &count, sizeof(count));
  static_cast<EventLoop*>(self)->run_tasks();
}

void EventLoop::run_tasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

Timer::Timer(EventLoop& loop, std::function<void()> on_due) : on_due_(std::move(on_due)) {
  event_assign(&event_, loop.base(), -1, 0, &Timer::on_timeout, this);
}

Timer::~Timer() { event_del(&event_); }

void Timer::set(Duration delay) {
  const timeval tv = to_timeval(delay);
  event_add(&event_, &tv);
  is_set_ = true;
}

void Timer::on_timeout(int /*fd*/, short /*what*/, void* self) {
  auto& timer = *static_cast<Timer*>(self);
  timer.is_set_ = false;
  timer.on_due_();
}

void FdEvent::want(EventLoop& loop, int fd, short what, Callback callback, void* context) noexcept {
  if (what == wanted_) return;
  clear();
  if (what == 0) return;
  event_assign(&event_, loop.base(), fd, static_cast<short>(what | EV_PERSIST), callback, context);
  event_add(&event_, nullptr);
  wanted_ = what;
}

void FdEvent::clear() noexcept {
  if (wanted_ == 0) return;
  event_del(&event_);
  wanted_ = 0;
}

}  // namespace loadline::net
