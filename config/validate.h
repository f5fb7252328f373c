// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "config/config.h"
#include "config/diagnostic.h"

namespace loadline::config {

// Reports what is wrong between fields that are each well-formed. `positions` says where their keys
// stand; what has no place there is reported at the nearest key around it. What is missing or empty
// was reported by the reader, and is passed over.
[[nodiscard]] Diagnostics validate(const Config& config, const Positions& positions,
                                   std::string_view file);

}  // namespace loadline::config
