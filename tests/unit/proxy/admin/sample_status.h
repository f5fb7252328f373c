// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "proxy/admin/status.h"

namespace loadline::admin {

// A status in which no two numbers are equal, so that a mix-up shows.
inline Status sample_status() {
  using namespace std::chrono_literals;
  Status status;
  status.version = "0.1.0";
  status.started_at = std::chrono::system_clock::time_point(1'795'255'200'123ms);
  status.ready = true;
  status.workers = 2;
  status.config_path = "/etc/loadline.yaml";
  status.config_reloads = 3;
  status.config_reload_failures = 4;
  status.config_reload_error = "loadline.yaml:2:14: expected an integer";
  status.recording = true;
  status.operations_recorded = 5;
  status.operations_unrecorded = 6;

  ListenerStatus listener;
  listener.name = "orders";
  listener.address = "127.0.0.1:6432";
  listener.upstream = "orders-db";
  listener.clients_open = 11;
  listener.accepted = 12;
  for (std::size_t i = 0; i < kClientRefusalCount; ++i) listener.refused[i] = 20 + i;
  status.listeners.push_back(listener);

  UpstreamStatus upstream;
  upstream.name = "orders-db";
  upstream.address = "10.0.0.5:5432";
  upstream.last_error = "connection refused";
  upstream.backends_open = 31;
  upstream.connects = 32;
  upstream.connect_failures = 33;
  upstream.backends_lost = 34;
  upstream.cancels_forwarded = 35;
  upstream.cancels_answered = 36;
  upstream.client_bytes_received = 37;
  upstream.client_bytes_sent = 38;
  GateSnapshot& gate = upstream.gate;
  gate.active = 41;
  gate.held = 42;
  gate.waiting = 43;
  gate.ridden = 44;
  gate.under_pressure = true;
  gate.is_stalled = true;
  gate.rejection_ratio = {0.25, 0.5, 0.75, 0};
  gate.capped_fingerprints = 48;
  gate.limit = {.limit = 45.5, .elasticity = 0.46, .reason = "rising", .updates = 47};
  for (auto& of_demand : gate.passing) of_demand.fill(1);
  gate.passing[1][5] = 0.5;
  gate.scorecards.push_back(
      {.name = "per-tenant", .active_parties = 71, .cap = 72, .shed = 73, .dry_run = true});
  gate.signals.signals.push_back({.name = "replica_lag",
                                  .value = 61.5,
                                  .age = 625ms,
                                  .ratio = 0.63,
                                  .state = SignalState::ok,
                                  .refused = 64,
                                  .shed = 65,
                                  .dry_run = false});
  gate.signals.binding[static_cast<std::size_t>(OperationClass::write)] = {.ratio = 0.63,
                                                                           .signal = 0};
  for (std::size_t t = 0; t < kTierCount; ++t) {
    TierSnapshot& tier = gate.tiers[t];
    const std::uint64_t first = 1000 * (t + 1);
    tier.offered = first + 1;
    tier.admitted = first + 2;
    tier.completed = first + 3;
    tier.failed = first + 4;
    tier.abandoned = first + 5;
    for (std::size_t r = 0; r < kShedReasonCount; ++r) tier.shed[r] = first + 10 + r;
    for (std::size_t r = 0; r < kShedReasonCount; ++r) tier.would_shed[r] = first + 30 + r;
    for (std::size_t b = 0; b < tier.wait.buckets.size(); ++b) {
      tier.wait.buckets[b] = t + 1;
      tier.service.buckets[b] = 10 * (t + 1);
    }
    tier.wait.sum_seconds = static_cast<double>(first) + 0.25;
    tier.service.sum_seconds = static_cast<double>(first) + 0.5;
  }
  status.upstreams.push_back(upstream);
  return status;
}

// Says what it was given, and how often it was asked.
class FixedStatus final : public StatusSource {
 public:
  explicit FixedStatus(Status status) : status_(std::move(status)) {}
  [[nodiscard]] Status status() const override {
    ++asked;
    return status_;
  }
  mutable int asked = 0;

 private:
  Status status_;
};

}  // namespace loadline::admin
