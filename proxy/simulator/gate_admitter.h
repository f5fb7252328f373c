// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/simulator/admitter.h"
#include "shedder/gate.h"

namespace loadline::simulator {

// The engine itself, as the proxy runs it.
class GateAdmitter final : public Admitter, public VerdictSink {
 public:
  // The limit's bounds are cut to the connections that the database has. Of the scorecards, those
  // that count by tenant, by fingerprint or all together have something to count; names and tags a
  // simulated operation has none.
  GateAdmitter(const GateOptions& options, std::uint32_t connections, std::uint64_t seed,
               std::vector<config::Scorecard> scorecards = {});

  [[nodiscard]] Verdict offer(std::uint32_t operation, const OperationProfile& profile,
                              TimePoint now) override;
  void complete(std::uint32_t operation, Outcome outcome, TimePoint now) override;
  [[nodiscard]] bool abandon(std::uint32_t operation, TimePoint now) override;
  void hold(std::uint32_t operation, TimePoint now) override;
  void resume(std::uint32_t operation, TimePoint now) override;
  [[nodiscard]] TimePoint tick(TimePoint now) override;
  [[nodiscard]] bool take_wake_request() override;
  void on_signal(std::string_view name, double value, TimePoint now) override;
  [[nodiscard]] double limit() const override;

  [[nodiscard]] const Gate& gate() const { return gate_; }

 private:
  struct Slot {
    Slot(VerdictSink& sink, std::uint32_t at) : operation(0, sink), index(at) {
      operation.owner = this;
    }
    Operation operation;
    std::uint32_t index;
  };

  void on_verdict(Operation& operation) noexcept override;
  void choose_scorecards(OperationProfile& profile) const;
  [[nodiscard]] Operation& operation_of(std::uint32_t index) { return slots_[index]->operation; }

  Gate gate_;
  std::vector<config::Scorecard> scorecards_;
  std::deque<Slot> memory_;  // Operations must stay where they are.
  std::vector<Slot*> slots_;
};

}  // namespace loadline::simulator
