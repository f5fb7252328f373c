// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.h"
#include "proxy/admin/admin_server.h"
#include "proxy/admin/status.h"
#include "proxy/limit_keeper.h"
#include "proxy/net/acceptor.h"
#include "proxy/net/event_loop.h"
#include "proxy/net/recorder.h"
#include "proxy/net/resolver.h"
#include "proxy/net/signal_watch.h"
#include "proxy/net/upstream.h"
#include "proxy/net/worker.h"

namespace loadline {

// The running proxy: makes everything that a configuration names, and wires it. Its own thread is
// the control thread: it accepts, ticks the gates, and answers the operating system's signals.
class App final : public admin::StatusSource {
 public:
  // To record what goes through, until the file has that size.
  struct Recording {
    std::string path;
    std::uint64_t size_max = 0;
  };

  App(config::Config config, std::string config_path, std::optional<Recording> recording = {});
  ~App();

  // Binds and starts everything, or says what could not be.
  [[nodiscard]] tl::expected<void, std::string> start();
  // Until SIGTERM or SIGINT, and the drain that follows. Returns the exit code.
  [[nodiscard]] int run();

  [[nodiscard]] admin::Status status() const override;

 private:
  struct Listener {
    net::ListenerCounters counters;
    std::unique_ptr<net::Acceptor> acceptor;
    net::Upstream* upstream = nullptr;
  };

  [[nodiscard]] tl::expected<void, std::string> make_limit_keeper();
  void make_upstreams();
  [[nodiscard]] tl::expected<void, std::string> make_recorder();
  void make_workers();
  [[nodiscard]] tl::expected<void, std::string> listen();
  void log_start() const;

  void tick();
  void request_tick();

  void reload();
  void apply(const config::Config& loaded);
  void configure_routes();

  void drain();
  void check_drained();

  [[nodiscard]] net::Upstream& find_upstream(const std::string& name);
  [[nodiscard]] admin::ListenerStatus status_of(std::size_t listener_index) const;
  [[nodiscard]] admin::UpstreamStatus status_of(const net::Upstream& upstream,
                                                std::size_t upstream_index) const;

  config::Config config_;
  std::string config_path_;
  std::uint64_t cohort_key_;
  std::chrono::system_clock::time_point started_at_ = std::chrono::system_clock::now();

  net::EventLoop loop_;
  std::deque<std::unique_ptr<net::Upstream>> upstreams_;
  std::vector<std::string> upstream_addresses_;
  std::optional<Recording> recording_;
  std::unique_ptr<net::Recorder> recorder_;    // Null: nothing is recorded. Outlives the workers.
  std::unique_ptr<LimitKeeper> limit_keeper_;  // Null: limits are not kept.
  std::deque<Listener> listeners_;
  std::vector<std::unique_ptr<net::Worker>> workers_;
  net::Resolver resolver_;
  admin::AdminServer admin_;

  net::Timer tick_timer_;
  net::Timer drain_timer_;
  TimePoint drain_until_ = TimePoint::max();
  std::atomic<bool> tick_requested_{false};
  std::atomic<bool> listening_{false};
  std::atomic<bool> draining_{false};

  std::atomic<std::uint64_t> reloads_{0};
  std::atomic<std::uint64_t> reload_failures_{0};
  mutable std::mutex mutex_;
  std::string reload_error_;

  net::SignalWatch on_terminate_;
  net::SignalWatch on_interrupt_;
  net::SignalWatch on_hangup_;
};

}  // namespace loadline
