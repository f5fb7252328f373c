// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "proxy/simulator/cell.h"

namespace loadline::simulator {

// One cell and what came of it.
struct ReportRow {
  Cell cell = {};
  CellResult result = {};
};

// For a person: medians over the seeds, the worst of the two ratios beside them.
[[nodiscard]] std::string to_table(const std::vector<ReportRow>& rows);

// Everything, run by run. The same runs give the same bytes.
[[nodiscard]] std::string to_json(const std::vector<ReportRow>& rows);

// What a scenario is called in reports: its name, database and service law.
[[nodiscard]] std::string database_name(const Scenario& scenario);
[[nodiscard]] std::string service_name(const Scenario& scenario);

// The middle value, or the mean of the two in the middle. Zero of none.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace loadline::simulator
