// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "config/parse.h"
#include "proxy/simulator/baselines/baselines.h"
#include "proxy/simulator/gate_admitter.h"

namespace loadline::simulator {

tl::expected<Policy, config::Diagnostics> parse_policy(const std::string& text) {
  if (text == "default") return Policy{.name = text};
  if (text == "static-best") return Policy{.name = text, .kind = Policy::Kind::static_best};
  if (std::find(kBaselineNames.begin(), kBaselineNames.end(), text) != kBaselineNames.end()) {
    return Policy{.name = text, .kind = Policy::Kind::baseline};
  }
  auto config = config::load(text);
  if (!config) return tl::unexpected(std::move(config.error()));
  return Policy{.name = std::filesystem::path(text).stem().string(),
                .options = config->upstreams.front().gate,
                .scorecards = config->policy.scorecards};
}

Policy fixed_limit_policy(std::uint32_t limit) {
  GateOptions options;
  options.limit_mode = LimitMode::fixed;
  options.limit_initial = limit;
  return {.name = fmt::format("limit {}", limit), .options = options};
}

std::unique_ptr<Admitter> make_admitter(const Policy& policy, const Scenario& scenario,
                                        std::uint64_t seed) {
  if (policy.kind == Policy::Kind::baseline) return make_baseline(policy.name, scenario, seed);
  return std::make_unique<GateAdmitter>(policy.options, scenario.connections, seed,
                                        policy.scorecards);
}

}  // namespace loadline::simulator
