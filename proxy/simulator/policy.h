// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "proxy/simulator/admitter.h"
#include "proxy/simulator/scenario.h"
#include "shedder/gate_options.h"

namespace loadline::simulator {

// Who decides in a run, as named on the command line.
struct Policy {
  enum class Kind : std::uint8_t {
    gate,         // The engine, with these options.
    baseline,     // What it is compared with, by its name.
    static_best,  // The engine at each of kStaticLimits; the best of them counts.
  };

  std::string name = {};
  Kind kind = Kind::gate;
  GateOptions options = {};
  std::vector<config::Scorecard> scorecards = {};
};

inline constexpr std::uint32_t kStaticLimits[] = {4, 8, 12, 16, 20, 24, 32, 44, 64, 100, 150, 200};

// "default", "static-best", a baseline's name, or the path of a Loadline configuration, of which
// the first upstream's gate is taken. Does I/O.
[[nodiscard]] tl::expected<Policy, config::Diagnostics> parse_policy(const std::string& text);

[[nodiscard]] Policy fixed_limit_policy(std::uint32_t limit);

// Requires a policy that isn't static_best.
[[nodiscard]] std::unique_ptr<Admitter> make_admitter(const Policy& policy,
                                                      const Scenario& scenario, std::uint64_t seed);

}  // namespace loadline::simulator
