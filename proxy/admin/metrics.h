// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "proxy/admin/process_usage.h"
#include "proxy/admin/status.h"

namespace loadline::admin {

// All of metric_families.h for this status, in the Prometheus text format 0.0.4. Pure.
[[nodiscard]] std::string render_metrics(const Status& status, const ProcessUsage& usage);

// The same at this moment: asks the source and the kernel.
[[nodiscard]] std::string scrape(const StatusSource& source);

}  // namespace loadline::admin
