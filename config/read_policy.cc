// SPDX-License-Identifier: Apache-2.0
#include "config/read_policy.h"

#include <fmt/format.h>

#include <array>

#include "config/read_match.h"
#include "config/read_scorecard.h"
#include "config/units.h"

namespace loadline::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kCommentPrefix = "comment.";

PolicyRule read_rule(const YamlEntry& entry, Reading& reading) {
  PolicyRule rule;
  YamlMap map(entry, reading);
  map.require("match", "a map of patterns; {} matches everything");
  if (const auto match = map.entry("match")) rule.match = read_match(*match, reading);
  map.read_parsed("tier", rule.tier, parse_tier, kTierForm);
  map.read_parsed(
      "tenant", rule.tenant,
      [](const std::string& name) { return name.empty() ? std::nullopt : std::optional(name); },
      "a name");
  Duration deadline = {};
  const std::size_t problem_count = reading.diagnostics.size();
  const bool has_deadline = map.entry("deadline").has_value();
  map.read("deadline", deadline, {1ms, 1h});
  if (has_deadline && reading.diagnostics.size() == problem_count) rule.deadline = deadline;
  map.read("dry_run", rule.dry_run);
  map.finish();
  return rule;
}

TierCeiling read_ceiling(const YamlEntry& entry, Reading& reading) {
  TierCeiling ceiling;
  YamlMap map(entry, reading);
  map.require("user", "a pattern of user names");
  map.require("best", kTierForm);
  map.read("user", ceiling.user);
  map.read_parsed("best", ceiling.best, parse_tier, kTierForm);
  map.finish();
  return ceiling;
}

std::optional<TenantSource> parse_tenant_source(std::string_view text) {
  using Kind = TenantSource::Kind;
  if (text == "user") return TenantSource{Kind::user, {}};
  if (text == "database") return TenantSource{Kind::database, {}};
  if (text == "application") return TenantSource{Kind::application, {}};
  if (text == "address") return TenantSource{Kind::address, {}};
  if (text.size() > kCommentPrefix.size() &&
      text.substr(0, kCommentPrefix.size()) == kCommentPrefix) {
    return TenantSource{Kind::comment, std::string(text.substr(kCommentPrefix.size()))};
  }
  return std::nullopt;
}

std::vector<TenantSource> read_tenant_sources(YamlMap& tenants, Reading& reading) {
  constexpr std::string_view kForm = "user, database, application, address, or comment.KEY";
  std::vector<TenantSource> sources;
  for (const YamlEntry& entry : tenants.list("from")) {
    const auto text = scalar_of(entry, reading, kForm);
    if (!text) continue;
    if (auto source = parse_tenant_source(*text)) {
      sources.push_back(*std::move(source));
    } else {
      reading.report(entry.node.Mark(),
                     fmt::format("{}: '{}' is not valid; expected {}", entry.path, *text, kForm));
    }
  }
  return sources;
}

}  // namespace

Policy read_policy(YamlMap& root, Reading& reading) {
  Policy policy;
  root.read_parsed("default_tier", policy.default_tier, parse_tier, kTierForm);
  if (const auto entry = root.entry("tags")) {
    YamlMap tags(*entry, reading);
    tags.read("tier", policy.tier_comment_key);
    tags.read("deadline", policy.deadline_comment_key);
    tags.finish();
  }
  for (const YamlEntry& entry : root.list("policies")) {
    policy.rules.push_back(read_rule(entry, reading));
  }
  if (const auto entry = root.entry("tenants")) {
    YamlMap tenants(*entry, reading);
    tenants.require("from", "a list such as [comment.tenant, database]");
    policy.tenant_from = read_tenant_sources(tenants, reading);
    tenants.finish();
  }
  for (const YamlEntry& entry : root.list("scorecards")) {
    policy.scorecards.push_back(read_scorecard(entry, reading));
  }
  for (const YamlEntry& entry : root.list("ceilings")) {
    policy.ceilings.push_back(read_ceiling(entry, reading));
  }
  return policy;
}

}  // namespace loadline::config
