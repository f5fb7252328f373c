// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "config/yaml_map.h"
#include "shedder/signal_options.h"

namespace loadline::config {

// Reads `signals` of a gate. What of one signal contradicts itself is validate.cc's.
[[nodiscard]] std::vector<SignalOptions> read_signals(YamlMap& gate, Reading& reading);

}  // namespace loadline::config
