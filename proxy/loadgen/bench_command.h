// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <vector>

#include "proxy/wire/client_dialogue.h"

namespace loadline::loadgen {

// Adds `bench` to the program. When the user asked for it, parsing the arguments runs it, and
// `exit_code` says how that went: 0 done, 1 the run failed, 2 wrong arguments, 130 interrupted.
// `protocols` and `exit_code` must outlive `app`.
void add_bench_command(CLI::App& app, const std::vector<const wire::ClientProtocol*>& protocols,
                       int& exit_code);

}  // namespace loadline::loadgen
