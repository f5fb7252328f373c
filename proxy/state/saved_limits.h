// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "shedder/gate_options.h"

// The limits that a run had found, as the file that the next one begins from:
//
//   {"format": "loadline-state-1", "saved_at_unix_seconds": 1763724000,
//    "upstreams": [{"name": "main", "address": "10.0.0.5:5432", "limit": 37.25}]}
//
// Keys that aren't known are ignored, so that a later version may add some.
namespace loadline::state {

// Files beyond it are not ours.
inline constexpr std::size_t kStateSizeMax = std::size_t{1} << 20;
// A limit that was in force longer ago says nothing about the database of today.
inline constexpr auto kStateAgeMax = std::chrono::hours(24);
// How far two clocks, or one that was set, may be apart.
inline constexpr auto kStateClockSlack = std::chrono::minutes(1);

struct SavedLimit {
  std::string upstream = {};
  std::string address = {};  // Of its database, as configured.
  double limit = 0;

  bool operator==(const SavedLimit&) const = default;
};

struct SavedLimits {
  std::chrono::sys_seconds saved_at = {};
  std::vector<SavedLimit> limits = {};

  bool operator==(const SavedLimits&) const = default;
};

enum class StateProblem : std::uint8_t {
  not_json,         // Or cut off.
  other_format,     // JSON that isn't a state file of this version.
  incomplete,       // Ours, but something is missing or not of its type.
  from_the_future,  // One of the clocks is wrong, so its age isn't known.
  too_old,
};
[[nodiscard]] std::string_view to_string(StateProblem problem) noexcept;

// Why an upstream begins from its limit.initial although there is a state.
enum class LimitProblem : std::uint8_t {
  not_automatic,
  not_saved,
  other_address,
  out_of_bounds,  // Of limit.min and limit.max; or no number.
};
[[nodiscard]] std::string_view to_string(LimitProblem problem) noexcept;

[[nodiscard]] std::string to_text(const SavedLimits& saved);
[[nodiscard]] tl::expected<SavedLimits, StateProblem> parse_saved_limits(
    std::string_view text, std::chrono::sys_seconds now);

struct UpstreamIdentity {
  std::string_view name;
  std::string_view address;
};

// What limit.initial is to be for this upstream.
[[nodiscard]] tl::expected<std::uint32_t, LimitProblem> limit_to_begin_from(
    const SavedLimits& saved, const UpstreamIdentity& upstream, const GateOptions& options);

}  // namespace loadline::state
