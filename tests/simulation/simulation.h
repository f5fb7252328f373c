// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "shedder/gate.h"
#include "tests/simulation/model_database.h"

namespace loadline {

// The real gate before a modelled database, in virtual time: clients arrive whether or not earlier
// ones were answered (open loop), give up at their deadline without the database noticing, and may
// try again.
struct Scenario {
  // Work of one operation, its law seeded by the run.
  enum class Work : std::uint8_t { constant, exponential, heavy_tailed };

  ModelDatabase::Law database;
  Duration work_mean = std::chrono::milliseconds(5);
  Work work = Work::exponential;
  // Offered by tier, in operations a second, at a time since the start.
  std::function<std::array<double, kTierCount>(Duration)> offered;
  // Speed of the machine at a time since the start; looked at every 10 ms.
  std::function<double(Duration)> capacity = [](Duration) { return 1.0; };
  Duration deadline = std::chrono::seconds(1);
  std::uint32_t attempts_max = 1;  // Of one request, each with a deadline of its own.
  bool heeds_retry_after = false;  // Else it backs off by 50 ms, doubling.
  Duration length = std::chrono::seconds(60);
  GateOptions options = {};
};

struct Second {
  std::array<std::uint64_t, kTierCount> requests = {};  // By the second of their first attempt.
  std::array<std::uint64_t, kTierCount> served = {};    // Of those: within an attempt's deadline.
  std::uint64_t completed = 0;                          // Attempts answered in time in this second.
  double limit = 0;                                     // At its end.

  bool operator==(const Second&) const = default;
};

struct Report {
  std::vector<Second> seconds;
  GateSnapshot end;  // After the last operation left.

  // Over [from, to), in seconds.
  [[nodiscard]] double goodput(std::size_t from, std::size_t to) const;
  [[nodiscard]] double success(Tier tier, std::size_t from, std::size_t to) const;
  [[nodiscard]] double mean_limit(std::size_t from, std::size_t to) const;
};

[[nodiscard]] Report simulate(const Scenario& scenario, std::uint64_t seed);

}  // namespace loadline
