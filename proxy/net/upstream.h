// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/log/log.h"
#include "proxy/log/shed_log.h"
#include "proxy/net/cancel_registry.h"
#include "proxy/net/counter.h"
#include "proxy/net/socket.h"
#include "proxy/session/backend_quota.h"
#include "proxy/session/environment.h"
#include "shedder/gate.h"

namespace loadline::net {

// Where an upstream's name leads at the moment. Thread-safe.
class AddressBook {
 public:
  using Addresses = std::shared_ptr<const std::vector<SocketAddress>>;

  void set(std::vector<SocketAddress> addresses) {
    auto next = std::make_shared<const std::vector<SocketAddress>>(std::move(addresses));
    const std::lock_guard lock(mutex_);
    addresses_ = std::move(next);
  }
  // Never null; empty while the name has not been resolved.
  [[nodiscard]] Addresses get() const {
    const std::lock_guard lock(mutex_);
    return addresses_;
  }

 private:
  mutable std::mutex mutex_;
  Addresses addresses_ = std::make_shared<const std::vector<SocketAddress>>();
};

// What all workers share of one upstream. Thread-safe.
class Upstream final : public session::ShedObserver {
 public:
  Upstream(const config::Upstream& options, std::uint32_t worker_count, std::uint64_t seed)
      : gate(options.gate, worker_count, seed),
        quota(options.pool.backends_max),
        name_(options.name),
        shed_log_(options.name) {}

  void on_shed(const Verdict& verdict, const session::Classification& operation,
               TimePoint now) override {
    shed_log_.write(verdict,
                    {.tier = operation.profile.priority.tier(), .tenant = operation.tenant.view()},
                    now);
  }
  void on_connected();
  void on_connect_failed(const std::string& error, TimePoint now);
  void on_backend_lost(TimePoint now);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string last_error() const {
    const std::lock_guard lock(mutex_);
    return last_error_;
  }

  Gate gate;
  session::BackendQuota quota;
  AddressBook addresses;
  CancelRegistry cancels;

  SharedCounter connects;
  SharedCounter connect_failures;
  SharedCounter backends_lost;
  SharedCounter cancels_forwarded;
  SharedCounter cancels_answered;
  std::atomic<bool> reachable{true};

 private:
  std::string name_;
  log::ShedLog shed_log_;
  log::RateLimitedLog connect_failed_log_{log::Component::pool, log::Level::warn,
                                          "database can't be reached"};
  log::RateLimitedLog backend_lost_log_{log::Component::pool, log::Level::warn,
                                        "database closed a connection in use"};
  mutable std::mutex mutex_;
  std::string last_error_;
};

}  // namespace loadline::net
