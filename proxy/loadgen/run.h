// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/loadgen/scenario.h"
#include "proxy/loadgen/tally.h"
#include "proxy/loadgen/target.h"
#include "shedder/clock.h"

namespace loadline::loadgen {

struct RunOptions {
  Duration connect_timeout = std::chrono::seconds(10);
  std::FILE* progress = nullptr;  // A line per second, unless null.
};

struct RunResult {
  RunTally tally = RunTally(0, 0);
  std::chrono::system_clock::time_point started_at = {};
  Duration elapsed = {};
  std::vector<double> cpu_shares = {};  // Of each thread, 1 being a whole core.
  bool interrupted = false;             // By SIGINT or SIGTERM: the figures end there.
  std::vector<std::string> warnings = {};
};

// Runs a scenario without problems to its end. Blocks; takes SIGINT and SIGTERM for itself
// meanwhile. The error: nobody could log in.
[[nodiscard]] tl::expected<RunResult, std::string> run(const Scenario& scenario,
                                                       const Target& target,
                                                       const RunOptions& options);

// Whether the generator kept its own time, in words; empty if it did.
[[nodiscard]] std::vector<std::string> timing_warnings(const Scenario& scenario,
                                                       const RunResult& result);

}  // namespace loadline::loadgen
