// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "shedder/clock.h"
#include "shedder/operation.h"
#include "shedder/verdict.h"

namespace loadline::simulator {

// Whatever decides about admission: the gate, or one of the algorithms it is compared with.
// Operations are known by a small index that is used again once the operation has ended.
class Admitter {
 public:
  struct Late {
    std::uint32_t operation = 0;
    Verdict verdict = {};
  };

  Admitter() = default;
  virtual ~Admitter() = default;
  Admitter(const Admitter&) = delete;
  Admitter& operator=(const Admitter&) = delete;

  // As Gate's functions of the same names.
  [[nodiscard]] virtual Verdict offer(std::uint32_t operation, const OperationProfile& profile,
                                      TimePoint now) = 0;
  virtual void complete(std::uint32_t operation, Outcome outcome, TimePoint now) = 0;
  [[nodiscard]] virtual bool abandon(std::uint32_t operation, TimePoint now) = 0;
  virtual void hold(std::uint32_t operation, TimePoint now) = 0;
  virtual void resume(std::uint32_t operation, TimePoint now) = 0;
  // Returns when it wants to be called again.
  [[nodiscard]] virtual TimePoint tick(TimePoint now) = 0;
  // True once after it has come to want an earlier tick than it said.
  [[nodiscard]] virtual bool take_wake_request() { return false; }

  // A reading of the database's state, such as a replica's lag.
  virtual void on_signal(std::string_view /*name*/, double /*value*/, TimePoint /*now*/) {}
  // For people to look at; infinite if there is none.
  [[nodiscard]] virtual double limit() const = 0;

  // Verdicts on operations that waited, in order. Swapped out by the run after every call.
  [[nodiscard]] std::vector<Late>& late() { return late_; }

 protected:
  std::vector<Late> late_;
};

}  // namespace loadline::simulator
