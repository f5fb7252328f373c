// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

namespace loadline::simulator {

// Adds `simulate` to the program. When the user asked for it, parsing the arguments runs it, and
// `exit_code` says how that went: 0 done, 1 a file can't be written, 2 wrong arguments or files.
// `exit_code` must outlive `app`.
void add_simulate_command(CLI::App& app, int& exit_code);

}  // namespace loadline::simulator
