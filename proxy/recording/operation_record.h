// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "shedder/clock.h"
#include "shedder/operation.h"
#include "shedder/priority.h"
#include "shedder/verdict.h"

namespace loadline::recording {

inline constexpr std::size_t kRecordSize = 64;

// Durations of which a file needs no nanoseconds; the longest is an hour and eleven minutes.
using Microseconds32 = std::chrono::duration<std::uint32_t, std::micro>;

[[nodiscard]] constexpr Microseconds32 to_microseconds32(Duration duration) noexcept {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return Microseconds32(static_cast<std::uint32_t>(count < 0 ? 0 : count > kMax ? kMax : count));
}

// How one operation went: what a recording is made of. It fits into a cache line, since a worker
// writes one for every operation while it records.
struct OperationRecord {
  // How far it got. The numbers are those of the file.
  enum class End : std::uint8_t {
    executed = 0,   // Admitted; `outcome` says what came of it.
    shed = 1,       // `reason` says why.
    withdrawn = 2,  // Its client left or cancelled while it waited.
    // Admitted on the slot of an earlier one in its client's pipeline, which is all that is known.
    ridden = 3,
    // No operation: `dropped` of them have not been recorded until `arrival`.
    gap = 4,
  };

  Duration arrival = {};     // Of its offer, since the start of the recording.
  std::uint64_t tenant = 0;  // Keyed hash; 0 if it has none. Of a gap: how many, in all so far.
  std::uint64_t fingerprint = 0;  // Keyed hash; 0 if unknown.
  // executed: time at the database, without the pauses of its client.
  Duration service = {};
  // executed: the pauses of its client, in a transaction or in the middle of something.
  Duration paused = {};
  Microseconds32 deadline = {};  // As the client or the policy said; zero if neither did.
  Microseconds32 waited = {};    // In the queue, until the verdict or until its client left.
  std::uint32_t active = 0;      // Operations executing when it was decided, itself included.
  std::uint16_t upstream = 0;    // Index in the header.
  Priority priority = {};
  std::uint16_t statements = 0;  // executed: of its transaction, or 1.
  OperationClass operation_class = OperationClass::read;
  End end = End::executed;
  ShedReason reason = ShedReason::none;
  Outcome outcome = Outcome::ok;
  bool is_transaction = false;
  bool is_unconditional = false;  // It was not asked about: see Gate::admit_unconditionally.

  bool operator==(const OperationRecord&) const = default;
};
static_assert(sizeof(OperationRecord) <= 72);

[[nodiscard]] OperationRecord gap_record(std::uint64_t dropped, Duration at) noexcept;

using RecordBytes = std::array<std::byte, kRecordSize>;

[[nodiscard]] RecordBytes to_bytes(const OperationRecord& record) noexcept;

// Or which field makes no sense, such as "priority is 900; expected at most 767". Requires
// kRecordSize bytes.
[[nodiscard]] tl::expected<OperationRecord, std::string> parse_record(
    std::span<const std::byte> bytes, std::size_t upstream_count);

}  // namespace loadline::recording
