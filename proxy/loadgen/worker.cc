// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/worker.h"

#include <sys/resource.h>
#include <sys/time.h>

#include <algorithm>
#include <new>
#include <utility>

#include "proxy/loadgen/monotonic_now.h"

namespace loadline::loadgen {
namespace {

// How often a worker looks at the stop flag and shows its counts, at least.
constexpr Duration kTick = std::chrono::milliseconds(20);

event_base* new_event_base() {
  event_config* const config = event_config_new();
  if (config == nullptr) throw std::bad_alloc();
  // The default timer rounds to milliseconds, which is a whole point read.
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_base* const base = event_base_new_with_config(config);
  event_config_free(config);
  if (base == nullptr) throw std::bad_alloc();
  return base;
}

timeval to_timeval(Duration duration) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(duration);
  return {.tv_sec = static_cast<time_t>(microseconds.count() / 1'000'000),
          .tv_usec = static_cast<suseconds_t>(microseconds.count() % 1'000'000)};
}

double thread_cpu_seconds() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void do_nothing(int, short, void*) {}

}  // namespace

Worker::Worker(Scenario share, const Target& target, const Address& address, RunControl& control)
    : scenario_(std::move(share)),
      control_(control),
      base_(new_event_base()),
      timer_(event_new(base_.get(), -1, 0, &do_nothing, nullptr)),
      transport_(base_.get(), target, address),
      generator_(scenario_, transport_) {
  transport_.attach(generator_);
}

Worker::~Worker() { transport_.end_all(); }

void Worker::run() {
  generator_.open_connections();
  bool started = false;
  TimePoint begin = {};
  double cpu_begin = 0;
  while (!generator_.finished()) {
    const TimePoint now = monotonic_now();
    if (!started && control_.start_at.load() != 0) {
      started = true;
      begin = now;
      cpu_begin = thread_cpu_seconds();
      generator_.start(TimePoint(Duration(control_.start_at.load())));
    }
    if (control_.stop.load()) {
      generator_.stop(now);
      break;
    }
    generator_.on_timer(now);
    publish();
    wait_for_events(now);
  }
  const double seconds = std::chrono::duration<double>(monotonic_now() - begin).count();
  if (started && seconds > 0) cpu_share_ = (thread_cpu_seconds() - cpu_begin) / seconds;
  publish();
  live_.finished.store(true);
}

void Worker::wait_for_events(TimePoint now) {
  // Not max() minus now, which would overflow.
  const Duration rest = std::min(generator_.deadline(), now + kTick) - now;
  const timeval wait = to_timeval(std::max(rest, Duration::zero()));
  event_add(timer_.get(), &wait);
  event_base_loop(base_.get(), EVLOOP_ONCE);
}

void Worker::publish() noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const Generator::Totals& totals = generator_.totals();
  live_.offered.store(totals.offered, kRelaxed);
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    live_.outcomes[i].store(totals.outcomes[i], kRelaxed);
  }
  live_.retries.store(totals.retries, kRelaxed);
  live_.shed_attempts.store(totals.shed_attempts, kRelaxed);
  live_.active.store(totals.active, kRelaxed);
  live_.waiting.store(totals.waiting, kRelaxed);
  live_.connections_ready.store(generator_.connections_ready(), kRelaxed);
}

}  // namespace loadline::loadgen
