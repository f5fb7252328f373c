// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "proxy/session/backend_quota.h"
#include "proxy/session/classifier.h"
#include "proxy/wire/dialogue.h"
#include "shedder/gate.h"

namespace loadline::session {

// A list of decided operations that their owner has not looked at yet.
class DecidedList : public VerdictSink {
 public:
  // Takes `operation` off the list if it is on it.
  virtual void remove(Operation& operation) noexcept = 0;

 protected:
  ~DecidedList() = default;
};

// Hears of sheds, to log a sample of them. Called on the session's thread.
class ShedObserver {
 public:
  virtual void on_shed(const Verdict& verdict, const Classification& operation, TimePoint now) = 0;

 protected:
  ~ShedObserver() = default;
};

// What the sessions of one upstream on one worker share. Belongs to the worker's thread; what it
// points to is thread-safe.
struct Environment {
  Gate& gate;
  BackendQuota& quota;
  DecidedList& decided;
  ShedObserver& sheds;
  std::uint32_t worker_index = 0;

  // These four are replaced when the configuration is reloaded.
  std::shared_ptr<const Classifier> classifier;
  std::string shed_code;  // In the protocol's own terms: for Postgres an SQLSTATE.
  Duration login_timeout = std::chrono::seconds(60);
  Duration cancel_timeout = std::chrono::seconds(5);
  bool draining = false;

  // Replies are written here; each is sent before the next is written.
  std::array<std::byte, wire::kReplyMax> scratch = {};
};

}  // namespace loadline::session
