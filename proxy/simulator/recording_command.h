// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

namespace loadline::simulator {

// Adds `loadline recording`: what is in a recording. `exit_code` is written when it has run, and
// must outlive `app`.
void add_recording_command(CLI::App& app, int& exit_code);

}  // namespace loadline::simulator
