// SPDX-License-Identifier: Apache-2.0
#include "config/read_scorecard.h"

#include <fmt/format.h>

#include <array>

#include "config/read_match.h"
#include "config/units.h"

namespace loadline::config {
namespace {

constexpr std::string_view kCommentPrefix = "comment.";
constexpr std::string_view kCapForm =
    "operations (20), a share of the limit (50%), or multiples of a fair share (2x)";
constexpr std::string_view kEachForm =
    "tenant, user, database, application, address, fingerprint, comment.KEY, or all";

std::optional<Scorecard::Party> parse_party(std::string_view text) {
  using Kind = Scorecard::Party::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 7> kKinds = {
      {{"tenant", Kind::tenant},
       {"user", Kind::user},
       {"database", Kind::database},
       {"application", Kind::application},
       {"address", Kind::address},
       {"fingerprint", Kind::fingerprint},
       {"all", Kind::all}}};
  for (const auto& [name, kind] : kKinds) {
    if (text == name) return Scorecard::Party{kind, {}};
  }
  if (text.size() > kCommentPrefix.size() && text.starts_with(kCommentPrefix)) {
    return Scorecard::Party{Kind::comment, std::string(text.substr(kCommentPrefix.size()))};
  }
  return std::nullopt;
}

std::optional<double> parse_weight(std::string_view text) {
  const auto weight = parse_decimal(text);
  return weight && *weight >= 0.01 && *weight <= 1000 ? weight : std::nullopt;
}

void read_tiers(YamlMap& map, Scorecard& card, Reading& reading) {
  const auto entry = map.entry("tiers");
  if (!entry) return;
  YamlMap tiers(*entry, reading);
  tiers.read_parsed("best", card.best, parse_tier, kTierForm);
  tiers.read_parsed("worst", card.worst, parse_tier, kTierForm);
  tiers.finish();
  if (card.best > card.worst) {
    reading.report(entry->node.Mark(),
                   fmt::format("{}: '{}' is better than '{}'; expected best to be at most worst",
                               entry->path, to_text(card.worst), to_text(card.best)));
  }
}

void read_weights(YamlMap& map, Scorecard& card, Reading& reading) {
  for (const YamlEntry& entry : map.list("weights")) {
    if (card.gate.weights.size() == kScorecardWeightsMax) {
      reading.report(entry.node.Mark(), fmt::format("{}: too many; expected at most {}", entry.path,
                                                    kScorecardWeightsMax - 1));
      return;
    }
    YamlMap weight(entry, reading);
    weight.require("match", "a pattern of the party's name");
    weight.require("weight", "a number, 1 being usual");
    Glob glob;
    double value = 1;
    weight.read("match", glob);
    weight.read_parsed("weight", value, parse_weight, "a number from 0.01 to 1000");
    weight.finish();
    card.weights.push_back(std::move(glob));
    card.gate.weights.push_back(value);
  }
}

}  // namespace

Scorecard read_scorecard(const YamlEntry& entry, Reading& reading) {
  Scorecard card;
  YamlMap map(entry, reading);
  map.require("name", "a name");
  map.require("each", kEachForm);
  map.read("name", card.gate.name);
  map.read_parsed("each", card.each, parse_party, kEachForm);
  if (const auto match = map.entry("match")) card.match = read_match(*match, reading);
  constexpr std::array<std::string_view, 3> kClasses = {"read", "write", "ddl"};
  if (const auto name = map.read_name("class", kClasses)) {
    card.operation_class = static_cast<OperationClass>(*name);
  }
  read_tiers(map, card, reading);
  map.read_parsed("active_max", card.gate.active_max, parse_cap, kCapForm);
  map.read_parsed("pressure_active_max", card.gate.pressure_active_max, parse_cap, kCapForm);
  map.read("waiting_max", card.gate.waiting_max, {1, 1'000'000});
  read_weights(map, card, reading);
  map.read("dry_run", card.gate.dry_run);
  if (!map.entry("active_max") && !map.entry("pressure_active_max")) {
    reading.report(
        entry.node.Mark(),
        fmt::format("{}: no cap; expected active_max or pressure_active_max", entry.path));
  }
  map.finish();
  return card;
}

}  // namespace loadline::config
