// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/yaml_map.h"

namespace loadline::config {

// One of the list of scorecards, whose problems go to `reading`.
[[nodiscard]] Scorecard read_scorecard(const YamlEntry& entry, Reading& reading);

}  // namespace loadline::config
