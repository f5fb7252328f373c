// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "config/config.h"
#include "config/yaml_map.h"

namespace loadline::config {

inline constexpr std::string_view kTierForm = "a tier from t0 (most important) to t5";

// A map of patterns, whose problems go to `reading`.
[[nodiscard]] Match read_match(const YamlEntry& entry, Reading& reading);

}  // namespace loadline::config
