// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "proxy/simulator/report.h"

namespace loadline::simulator {

// The first scenario's first runs over time as SVG, a line for each policy: requests offered and
// answered in time, limit and active, waiting, share refused, latency. Readable on light and on
// dark ground. The same runs give the same bytes.
[[nodiscard]] std::string to_picture(const std::vector<ReportRow>& rows);

}  // namespace loadline::simulator
