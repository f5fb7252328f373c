// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "proxy/recording/recording_reader.h"
#include "proxy/simulator/traffic.h"

namespace loadline::simulator {

// Reads a whole file, in pieces. The problem begins with the file's name. Does I/O.
[[nodiscard]] tl::expected<void, std::string> read_recording(const std::string& path,
                                                             recording::RecordingReader& reader);

// What a recording holds of the upstream of that name, or of its only one, from `from` to `to`.
// Does I/O.
[[nodiscard]] tl::expected<Traffic, std::string> load_recording(const std::string& path,
                                                                const std::string& upstream,
                                                                Duration from, Duration to);

}  // namespace loadline::simulator
