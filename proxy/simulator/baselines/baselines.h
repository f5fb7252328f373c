// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/simulator/admitter.h"
#include "proxy/simulator/scenario.h"

namespace loadline::simulator {

// What the engine is compared with: ours, written from what has been published, with the defaults
// of their makers. Those with a "*" in docs/simulation.md are told what no deployment knows.
inline constexpr std::array<std::string_view, 10> kBaselineNames = {
    "none",      "fifo-long", "fifo-short", "token-bucket", "codel-lifo",
    "gradient2", "envoy",     "vegas",      "dagor",        "cinnamon"};

// Null if there is no baseline of that name.
[[nodiscard]] std::unique_ptr<Admitter> make_baseline(std::string_view name,
                                                      const Scenario& scenario, std::uint64_t seed);

}  // namespace loadline::simulator
