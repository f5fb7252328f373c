// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "proxy/loadgen/generator.h"
#include "proxy/loadgen/scenario.h"
#include "proxy/loadgen/socket_transport.h"
#include "proxy/loadgen/target.h"

namespace loadline::loadgen {

// What the threads of a run tell each other.
struct RunControl {
  std::atomic<bool> stop = false;
  // When the phases begin, since the clock's origin. 0: not yet known.
  std::atomic<Duration::rep> start_at = 0;
};

// One thread's clients and their event loop. Construct, then run() on the thread; the rest may be
// asked from outside meanwhile.
class Worker {
 public:
  struct Live {
    std::atomic<std::uint64_t> offered = 0;
    std::array<std::atomic<std::uint64_t>, kOutcomeCount> outcomes = {};
    std::atomic<std::uint64_t> retries = 0;
    std::atomic<std::uint64_t> shed_attempts = 0;
    std::atomic<std::uint64_t> active = 0;
    std::atomic<std::uint64_t> waiting = 0;
    std::atomic<std::uint64_t> connections_ready = 0;
    std::atomic<bool> finished = false;
  };

  // `target`, `address` and `control` must outlive the worker.
  Worker(Scenario share, const Target& target, const Address& address, RunControl& control);
  ~Worker();

  void run();

  [[nodiscard]] const Live& live() const noexcept { return live_; }
  [[nodiscard]] std::size_t connection_count() const noexcept {
    return generator_.connection_count();
  }
  // These after run() has returned.
  [[nodiscard]] const RunTally& tally() const noexcept { return generator_.tally(); }
  [[nodiscard]] const wire::ServerError& last_refusal() const noexcept {
    return generator_.last_refusal();
  }
  [[nodiscard]] double cpu_share() const noexcept { return cpu_share_; }

 private:
  struct BaseDeleter {
    void operator()(event_base* base) const noexcept { event_base_free(base); }
  };

  void wait_for_events(TimePoint now);
  void publish() noexcept;

  Scenario scenario_;
  RunControl& control_;
  std::unique_ptr<event_base, BaseDeleter> base_;  // Before all that hangs on it.
  EventPtr timer_;
  SocketTransport transport_;
  Generator generator_;
  Live live_ = {};
  double cpu_share_ = 0;
};

}  // namespace loadline::loadgen
