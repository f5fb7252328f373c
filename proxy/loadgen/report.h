// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "proxy/loadgen/run.h"
#include "proxy/loadgen/scenario.h"

namespace loadline::loadgen {

struct ReportInput {
  const Scenario& scenario;
  const RunResult& result;
  std::string target = {};                // Without a password.
  std::vector<std::string> command = {};  // As typed, for the record; the password taken out.
};

// All there is, in the shape of docs/bench.md.
[[nodiscard]] std::string to_json(const ReportInput& input);
// What a person wants to see.
[[nodiscard]] std::string to_table(const ReportInput& input);

// The class "*": all together. Their tallies of one phase, added up.
[[nodiscard]] Tally tally_of_all(const ReportInput& input, std::size_t phase_index);

// Closed mode: the phase with the most good answers per second; the first of equals.
[[nodiscard]] std::size_t best_phase(const ReportInput& input);
// Seconds of a phase that were run: fewer than planned if it was interrupted.
[[nodiscard]] double seconds_run(const ReportInput& input, std::size_t phase_index);

}  // namespace loadline::loadgen
