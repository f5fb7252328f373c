// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/yaml_map.h"

namespace loadline::config {

// Reads the top-level keys that make up the policy: default_tier, tags, policies, tenants,
// ceilings.
[[nodiscard]] Policy read_policy(YamlMap& root, Reading& reading);

}  // namespace loadline::config
