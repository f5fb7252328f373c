// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shedder/clock.h"

namespace loadline {

// Why an operation was shed. The names are the values of the metric label `reason` and of the
// `reason=` field a client sees.
enum class ShedReason : std::uint8_t {
  none,           // It was not.
  overload,       // Its priority is below what the database has room for now.
  queue_timeout,  // It waited as long as the wait budget allows and no slot came free.
  fingerprint,    // As queue_timeout; but what it waited for was a cap on its kind of statement.
  queue_full,     // The wait queue was at its bound and held nothing worse to push out.
  pushed_out,     // A better operation needed its place in a full wait queue.
  deadline,       // Its deadline passed, or could no longer be met, before it was sent.
  draining,       // The gate takes no new operations: Loadline is stopping.
  signal,         // Its priority is below what an outside signal lets through now.
  scorecard,      // Its party had as many active as its scorecard allows.
};
inline constexpr std::size_t kShedReasonCount = 10;

// What the gate decided for one operation, and the numbers it decided on.
struct Verdict {
  enum class Kind : std::uint8_t { admit, wait, shed };

  Kind kind = Kind::admit;
  ShedReason reason = ShedReason::none;
  std::uint32_t active = 0;   // Operations executing when it was decided.
  std::uint32_t waiting = 0;  // Operations in the wait queue when it was decided.
  double limit = 0;           // The in-flight limit in force.
  // overload only: the place that it would have had to be better than. See Place.
  std::uint16_t threshold = 0;
  // scorecard only: the cap that it had for the party.
  std::uint32_t cap = 0;
  // admit only, in a dry run: why it would have been shed.
  ShedReason rehearsed = ShedReason::none;
  Duration waited = Duration::zero();  // Time spent in the wait queue.
  // shed only: when the client should try again, jittered so that clients don't return together.
  Duration retry_after = Duration::zero();
  // shed only: false if nothing of its tier is admitted now, so that a retry soon is a waste.
  bool may_retry = true;
  // signal and scorecard only: the name of the one that binds. Lives as long as the gate.
  std::string_view by = {};
};

}  // namespace loadline
