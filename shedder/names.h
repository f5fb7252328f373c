// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "shedder/demand.h"
#include "shedder/explanation.h"
#include "shedder/operation.h"
#include "shedder/priority.h"
#include "shedder/signals_board.h"
#include "shedder/verdict.h"

namespace loadline {

// One spelling for metrics, logs, the status page and the answers that clients see.

[[nodiscard]] constexpr std::string_view to_string(Tier tier) noexcept {
  switch (tier) {
    case Tier::t0:
      return "t0";
    case Tier::t1:
      return "t1";
    case Tier::t2:
      return "t2";
    case Tier::t3:
      return "t3";
    case Tier::t4:
      return "t4";
    case Tier::t5:
      return "t5";
  }
  return "";
}

[[nodiscard]] constexpr std::string_view to_string(Demand demand) noexcept {
  switch (demand) {
    case Demand::read:
      return "read";
    case Demand::write:
      return "write";
    case Demand::heavy:
      return "heavy";
    case Demand::capped:
      return "capped";
  }
  return "";
}

[[nodiscard]] constexpr std::string_view to_string(Binding binding) noexcept {
  switch (binding) {
    case Binding::nothing:
      return "nothing";
    case Binding::draining:
      return "draining";
    case Binding::stalled:
      return "stalled";
    case Binding::signal:
      return "signal";
    case Binding::rejector:
      return "rejector";
    case Binding::limit:
      return "limit";
    case Binding::scorecards:
      return "scorecards";
  }
  return "";
}

[[nodiscard]] constexpr std::string_view to_string(ShedReason reason) noexcept {
  switch (reason) {
    case ShedReason::none:
      return "none";
    case ShedReason::overload:
      return "overload";
    case ShedReason::scorecard:
      return "scorecard";
    case ShedReason::fingerprint:
      return "fingerprint";
    case ShedReason::queue_timeout:
      return "queue_timeout";
    case ShedReason::queue_full:
      return "queue_full";
    case ShedReason::pushed_out:
      return "pushed_out";
    case ShedReason::deadline:
      return "deadline";
    case ShedReason::draining:
      return "draining";
    case ShedReason::signal:
      return "signal";
  }
  return "";
}

[[nodiscard]] constexpr std::string_view to_string(OperationClass operation_class) noexcept {
  switch (operation_class) {
    case OperationClass::read:
      return "read";
    case OperationClass::write:
      return "write";
    case OperationClass::ddl:
      return "ddl";
  }
  return "";
}

[[nodiscard]] constexpr std::string_view to_string(SignalState state) noexcept {
  switch (state) {
    case SignalState::never:
      return "never";
    case SignalState::ok:
      return "ok";
    case SignalState::stale:
      return "stale";
  }
  return "";
}

}  // namespace loadline
