// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "config/diagnostic.h"
#include "proxy/simulator/scenario.h"

namespace loadline::simulator {

// Reads a whole scenario; keys are those of scenario.h (docs/simulation.md). Reports every problem
// in the order of the file. `file` is for messages, and its stem is the scenario's name.
[[nodiscard]] tl::expected<Scenario, config::Diagnostics> parse_scenario(const std::string& text,
                                                                         std::string_view file);

// parse_scenario() of a file's text. Does I/O.
[[nodiscard]] tl::expected<Scenario, config::Diagnostics> load_scenario(const std::string& path);

}  // namespace loadline::simulator
