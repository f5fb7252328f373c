// SPDX-License-Identifier: Apache-2.0
#include "config/read_signals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/units.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kTierForm = "a tier from t0 (most important) to t5";

// In the order of the enumerators.
constexpr std::array<std::string_view, 2> kPlants = {"proportional", "integrating"};
constexpr std::array<std::string_view, 3> kStales = {"ignore", "hold", "shed"};

void read_flag(YamlMap& map, std::string_view key, bool& value) {
  constexpr std::array<std::string_view, 2> kSwitch = {"off", "on"};
  if (const auto index = map.read_name(key, kSwitch)) value = *index == 1;
}

void read_concerns(YamlMap& map, SignalOptions& signal, Reading& reading) {
  const std::vector<YamlEntry> entries = map.list("concerns", 1);
  if (entries.empty()) return;
  constexpr std::array<std::string_view, 3> kNames = {"reads", "writes", "ddl"};
  const std::array concerned = {&signal.reads, &signal.writes, &signal.ddl};
  for (bool* const each : concerned) *each = false;
  for (const YamlEntry& entry : entries) {
    const auto text = scalar_of(entry, reading, "reads, writes or ddl");
    if (!text) continue;
    const auto* const found = std::find(kNames.begin(), kNames.end(), *text);
    if (found == kNames.end()) {
      reading.report(entry.node.Mark(), fmt::format("{}: '{}' is unknown; {}", entry.path, *text,
                                                    expectation(*text, kNames)));
      continue;
    }
    *concerned[static_cast<std::size_t>(found - kNames.begin())] = true;
  }
}

SignalOptions read_signal(const YamlEntry& entry, Reading& reading) {
  constexpr std::string_view kNumberForm = "a number, such as 5 or 0.25";
  SignalOptions signal;
  YamlMap map(entry, reading);
  map.require("name", "what those who measure it know it by");
  map.require("setpoint", kNumberForm);
  map.require("hard", kNumberForm);
  map.read("name", signal.name);
  map.read_parsed("setpoint", signal.setpoint, parse_number, kNumberForm);
  map.read_parsed("hard", signal.hard, parse_number, kNumberForm);
  read_flag(map, "negative_allowed", signal.negative_allowed);
  read_concerns(map, signal, reading);
  if (const auto tiers_entry = map.entry("tiers")) {
    YamlMap tiers(*tiers_entry, reading);
    tiers.read_parsed("best", signal.tier_best, parse_tier, kTierForm);
    tiers.read_parsed("worst", signal.tier_worst, parse_tier, kTierForm);
    tiers.finish();
  }
  if (const auto plant = map.read_name("plant", kPlants)) {
    signal.plant = static_cast<SignalPlant>(*plant);
  }
  map.read("ttl", signal.ttl, {100ms, 1h});
  if (const auto stale = map.read_name("stale", kStales)) {
    signal.stale = static_cast<SignalStale>(*stale);
  }
  map.read_parsed(
      "stale_ratio", signal.stale_ratio,
      [](std::string_view text) {
        const auto ratio = parse_number(text);
        return ratio && *ratio >= 0 && *ratio <= 1 ? ratio : std::nullopt;
      },
      "a number from 0 to 1");
  map.read("hold_for", signal.hold_for, {0s, 24h});
  read_flag(map, "dry_run", signal.dry_run);
  map.finish();
  return signal;
}

}  // namespace

std::vector<SignalOptions> read_signals(YamlMap& gate, Reading& reading) {
  std::vector<SignalOptions> signals;
  for (const YamlEntry& entry : gate.list("signals")) {
    const std::size_t problem_count = reading.diagnostics.size();
    SignalOptions signal = read_signal(entry, reading);
    // Half of one must not be compared with defaults for the other half, but its place must stay.
    if (reading.diagnostics.size() != problem_count) signal = {.name = signal.name};
    signals.push_back(std::move(signal));
  }
  return signals;
}

}  // namespace loadline::config
