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

// Hears of sheds, and of what a dry run would have shed, to log a sample of them. Called on the
// session's thread.
class ShedObserver {
 public:
  virtual void on_shed(const Verdict& verdict, const Classification& operation, TimePoint now) = 0;

 protected:
  ~ShedObserver() = default;
};

// How an operation came to its end. What is said of it holds during the call only.
struct EndedOperation {
  enum class How : std::uint8_t {
    executed,   // Admitted, and `outcome` came of it.
    shed,       // `verdict` says why.
    withdrawn,  // Its client left or cancelled while it waited.
    ridden,     // Admitted on the slot of an earlier one of its client's: its end isn't told.
  };

  How how = How::executed;
  const OperationProfile& profile;
  const Verdict& verdict;
  TimePoint offered_at = {};
  Outcome outcome = Outcome::ok;  // executed only, as the rest.
  Duration service = {};          // The database had it, and didn't wait for the client.
  Duration paused = {};           // It waited for the client, slot or no slot.
  std::uint32_t statements = 1;   // Of its transaction.
  bool is_transaction = false;
  bool is_unconditional = false;  // Nobody asked whether it may.
};

// Hears of every operation's end, to record it. Called on the session's thread, for each operation:
// must neither wait nor allocate.
class OperationObserver {
 public:
  virtual void on_end(const EndedOperation& operation, TimePoint now) noexcept = 0;

 protected:
  ~OperationObserver() = default;
};

// What the sessions of one upstream on one worker share. Belongs to the worker's thread; what it
// points to is thread-safe.
struct Environment {
  Gate& gate;
  BackendQuota& quota;
  DecidedList& decided;
  ShedObserver& sheds;
  OperationObserver* ends = nullptr;  // Null: nobody records.
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
