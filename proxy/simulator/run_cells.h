// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/report.h"

namespace loadline::simulator {

// Runs each cell on one of so many threads. The result is in the order of the cells, whoever was
// done first. Memory is bounded by what the results take: keep cells few where series are long.
[[nodiscard]] std::vector<ReportRow> run_cells(const std::vector<Cell>& cells, std::uint32_t jobs);

}  // namespace loadline::simulator
