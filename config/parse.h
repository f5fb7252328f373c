// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "config/config.h"
#include "config/diagnostic.h"

namespace loadline::config {

// The most bytes a file may have. Ten thousand rules fit easily.
inline constexpr std::size_t kFileSizeMax = std::size_t{4} << 20;

// Reads a whole configuration. Reports every problem in the order of the file, not only the first:
// a person fixes a file once. `file` is for messages only.
[[nodiscard]] tl::expected<Config, Diagnostics> parse(std::string_view text, std::string_view file);

// parse() of a file's text. Does I/O; a file that can't be read is one more problem to report.
[[nodiscard]] tl::expected<Config, Diagnostics> load(const std::string& path);

}  // namespace loadline::config
