// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/loadgen/histogram.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

// How an operation ended, once for each. Nothing but good is goodput.
enum class Outcome : std::uint8_t {
  good,        // Answered within the deadline.
  late,        // Answered after it.
  shed,        // Refused for want of room, and not tried again (successfully or at all).
  error,       // Failed with another SQLSTATE.
  timeout,     // The client gave up waiting for the answer.
  unsent,      // The client gave up waiting for a connection; nothing was ever sent.
  unfinished,  // The run ended first.
};
inline constexpr std::size_t kOutcomeCount = 7;
inline constexpr std::array<std::string_view, kOutcomeCount> kOutcomeNames = {
    "good", "late", "shed", "error", "timeout", "unsent", "unfinished"};

// Operations of one class that were meant to start in one phase.
struct Tally {
  std::uint64_t offered = 0;
  std::array<std::uint64_t, kOutcomeCount> outcomes = {};
  std::uint64_t attempts = 0;                           // Scripts begun on a connection.
  std::uint64_t retries = 0;                            // Of them, not the operation's first.
  std::uint64_t shed_attempts = 0;                      // Of them, shed.
  std::map<std::string, std::uint64_t> sqlstates = {};  // Of failed attempts.
  Histogram good = Histogram();                         // From the intended start.
  Histogram answered = Histogram();                     // Good and late.
  // Of shed attempts, from when the attempt was due: with it, the wait for a connection.
  Histogram shed = Histogram();

  void merge(const Tally& other);
  [[nodiscard]] std::uint64_t count(Outcome outcome) const noexcept {
    return outcomes[static_cast<std::size_t>(outcome)];
  }
};

// Operations of one class in one second of the run: offered by their intended start, outcomes by
// when they came about.
struct SecondTally {
  std::uint64_t offered = 0;
  std::array<std::uint64_t, kOutcomeCount> outcomes = {};
  std::uint64_t retries = 0;
  std::uint64_t shed_attempts = 0;
  Histogram good = Histogram(6);  // Coarse (3%), since there are many.

  void merge(const SecondTally& other);
};

struct ConnectionTally {
  std::uint64_t opened = 0;  // Logged in.
  std::uint64_t lost = 0;    // Closed by the server after that.
  std::uint64_t cancels = 0;
  std::map<std::string, std::uint64_t> failed = {};  // Logins that failed, by SQLSTATE.
};

// All that one thread counts, indexed as the scenario's lists are.
class RunTally {
 public:
  RunTally(std::size_t class_count, std::size_t phase_count);

  [[nodiscard]] Tally& of(std::size_t class_index, std::size_t phase_index);
  [[nodiscard]] const Tally& of(std::size_t class_index, std::size_t phase_index) const;
  // `since_start` must not be negative.
  [[nodiscard]] SecondTally& second(std::size_t class_index, Duration since_start);
  [[nodiscard]] std::size_t second_count() const noexcept { return seconds_.size(); }
  [[nodiscard]] const SecondTally& second_at(std::size_t class_index, std::size_t index) const;

  void merge(const RunTally& other);

  ConnectionTally connections = {};
  // How much later than intended the generator itself came to start operations.
  Histogram lag = Histogram();

 private:
  std::size_t class_count_;
  std::vector<Tally> tallies_;
  std::vector<std::vector<SecondTally>> seconds_ = {};
};

}  // namespace loadline::loadgen
