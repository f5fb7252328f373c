// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/session/client_refusal.h"
#include "shedder/gate_snapshot.h"

namespace loadline::admin {

using session::ClientRefusal;
using session::kClientRefusalCount;

// Totals since start unless said otherwise.
struct ListenerStatus {
  std::string name;
  std::string address;  // As bound: "127.0.0.1:6432", "unix:/path".
  std::string upstream;
  std::uint64_t clients_open = 0;  // Now.
  std::uint64_t accepted = 0;
  std::array<std::uint64_t, kClientRefusalCount> refused = {};
};

struct UpstreamStatus {
  std::string name;
  std::string address;
  // The last attempt to connect succeeded, or none was made yet.
  bool reachable = true;
  std::string last_error;           // Of the last failed attempt, for people. May be stale.
  std::uint64_t backends_open = 0;  // Now.
  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t backends_lost = 0;      // Closed by the database while a client used them.
  std::uint64_t cancels_forwarded = 0;  // Of running statements, to the database.
  std::uint64_t cancels_answered = 0;   // Of waiting operations, by Loadline.
  std::uint64_t client_bytes_received = 0;
  std::uint64_t client_bytes_sent = 0;
  GateSnapshot gate;
};

struct Status {
  std::string version;
  std::chrono::system_clock::time_point started_at;
  bool ready = false;  // Listening, and not draining.
  bool draining = false;
  std::uint32_t workers = 0;
  std::string config_path;
  std::uint64_t config_reloads = 0;
  std::uint64_t config_reload_failures = 0;
  std::string config_reload_error;  // Why the last reload was refused; empty if it was not.
  bool recording = false;           // Operations are being written to a file now.
  std::uint64_t operations_recorded = 0;
  std::uint64_t operations_unrecorded = 0;  // Though a recording was asked for.
  std::vector<ListenerStatus> listeners;
  std::vector<UpstreamStatus> upstreams;
};

// What the admin server asks. Called from its own thread, at any moment; must not stop a worker.
class StatusSource {
 public:
  [[nodiscard]] virtual Status status() const = 0;

 protected:
  ~StatusSource() = default;
};

}  // namespace loadline::admin
