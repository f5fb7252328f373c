// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace loadline::config {

// What a reload would change, by the paths of the file.
struct Difference {
  std::vector<std::string> reloadable;     // Takes effect at once.
  std::vector<std::string> needs_restart;  // Doesn't, until the next start.

  [[nodiscard]] bool empty() const noexcept { return reloadable.empty() && needs_restart.empty(); }
};

// Listeners and upstreams are told apart by name. What was added or gone needs a restart.
[[nodiscard]] Difference diff(const Config& running, const Config& loaded);

}  // namespace loadline::config
