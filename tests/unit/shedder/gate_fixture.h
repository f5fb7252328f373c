// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <vector>

#include "shedder/gate.h"

namespace loadline {

inline constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));

// Takes note of what it hears, in order.
class RecordingSink final : public VerdictSink {
 public:
  void on_verdict(Operation& operation) noexcept override { decided.push_back(&operation); }

  std::vector<Operation*> decided;
};

// A gate, a worker and its operations, which stay where they are.
class GateFixture {
 public:
  explicit GateFixture(const GateOptions& options) : gate(options, 1, 42) {}

  Operation& operation() { return operations_.emplace_back(0U, sink); }

  // An operation that has been offered; see its verdict.
  Operation& offered(const OperationProfile& profile, TimePoint now) {
    Operation& operation = this->operation();
    (void)gate.offer(operation, profile, now);
    return operation;
  }
  Operation& offered(Priority priority, TimePoint now) {
    return offered(OperationProfile{.priority = priority}, now);
  }

  RecordingSink sink;
  Gate gate;

 private:
  std::deque<Operation> operations_;
};

// And what else the tests count on, whatever the defaults are.
[[nodiscard]] inline GateOptions fixed_limit(std::uint32_t limit) {
  return {.limit_mode = LimitMode::fixed,
          .limit_initial = limit,
          .deadline = std::chrono::seconds(1),
          .wait_max = std::chrono::milliseconds(100),
          .pressure_after = std::chrono::milliseconds(50),
          .rejector = Enforcement::off};
}

inline constexpr Priority kT0 = Priority(Tier::t0, 0);
inline constexpr Priority kT1 = Priority(Tier::t1, 0);
inline constexpr Priority kT3 = Priority(Tier::t3, 0);
inline constexpr Priority kT5 = Priority(Tier::t5, 0);

}  // namespace loadline
