// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/classifier.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <span>

#include "config/units.h"
#include "proxy/session/glob.h"
#include "proxy/session/keyed_hash.h"

namespace loadline::session {
namespace {

using config::TenantSource;

// What is read of a tag's value; names and patterns beyond it are cut.
constexpr std::size_t kTagValueMax = 256;
// A deadline beyond this is a mistake, not a wish.
constexpr Duration kDeadlineTagMax = std::chrono::hours(1);

// The first tag of that name, undone of its encoding.
class TagValue {
 public:
  TagValue(const sql::StatementScan& statement, std::string_view key) noexcept {
    for (const sql::CommentTag& tag : statement.found_tags()) {
      if (tag.key != key) continue;
      value_ = sql::decode_tag_value(tag.value, buffer_);
      return;
    }
  }

  [[nodiscard]] bool exists() const noexcept { return value_.has_value(); }
  // Empty if there is no such tag.
  [[nodiscard]] std::string_view view() const noexcept { return value_.value_or(""); }

 private:
  std::array<char, kTagValueMax> buffer_;  // Written before it is read.
  std::optional<std::string_view> value_;
};

// IPv4 clients of an IPv6 socket have ::ffff:a.b.c.d: rules mean the IPv4 address.
[[nodiscard]] std::span<const std::uint8_t> address_bytes(const ClientAddress& address) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const std::span bytes(address.bytes);
  if (address.size == 16 && std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return bytes.subspan(kMapped.size());
  }
  return bytes.first(address.size);
}

[[nodiscard]] bool contains(const config::AddressRange& range,
                            const ClientAddress& address) noexcept {
  if (range.is_unix || address.is_unix) return range.is_unix && address.is_unix;
  const std::span<const std::uint8_t> bytes = address_bytes(address);
  if (bytes.empty() || bytes.size() != range.address.size()) return false;
  for (std::size_t bit = 0; bit < range.prefix_bits; bit += 8) {
    const std::size_t left = range.prefix_bits - bit;
    const unsigned mask = left >= 8 ? 0xffU : 0xffU << (8 - left) & 0xffU;
    if (((bytes[bit / 8] ^ range.address[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

[[nodiscard]] std::string to_text(const ClientAddress& address) {
  if (address.is_unix) return "unix";
  const std::span<const std::uint8_t> bytes = address_bytes(address);
  if (bytes.empty()) return "";
  std::array<char, INET6_ADDRSTRLEN> text = {};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  return inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr ? "" : text.data();
}

[[nodiscard]] bool fits(const std::optional<config::Glob>& glob, std::string_view text) noexcept {
  return !glob || glob_matches(*glob, text);
}

[[nodiscard]] bool connection_fits(const config::Match& match,
                                   const ConnectionFacts& facts) noexcept {
  return fits(match.user, facts.user) && fits(match.database, facts.database) &&
         fits(match.application, facts.application) &&
         (!match.address || contains(*match.address, facts.address));
}

[[nodiscard]] bool tags_fit(const config::Match& match,
                            const sql::StatementScan& statement) noexcept {
  return std::all_of(match.comment.begin(), match.comment.end(), [&](const auto& wanted) {
    const TagValue value(statement, wanted.first);
    return value.exists() && glob_matches(wanted.second, value.view());
  });
}

[[nodiscard]] std::string tenant_text(TenantSource::Kind kind, const ConnectionFacts& facts) {
  switch (kind) {
    case TenantSource::Kind::user:
      return facts.user;
    case TenantSource::Kind::database:
      return facts.database;
    case TenantSource::Kind::application:
      return facts.application;
    case TenantSource::Kind::address:
      return to_text(facts.address);
    case TenantSource::Kind::comment:
      break;
  }
  return "";
}

// Empty for what a connection doesn't know.
[[nodiscard]] std::string party_text(config::Scorecard::Party::Kind kind,
                                     const ConnectionFacts& facts) {
  using Kind = config::Scorecard::Party::Kind;
  switch (kind) {
    case Kind::user:
      return facts.user;
    case Kind::database:
      return facts.database;
    case Kind::application:
      return facts.application;
    case Kind::address:
      return to_text(facts.address);
    case Kind::tenant:
    case Kind::fingerprint:
    case Kind::comment:
    case Kind::all:
      break;
  }
  return "";
}

[[nodiscard]] std::uint8_t weight_of(const config::Scorecard& card,
                                     std::string_view party) noexcept {
  for (std::size_t i = 0; i < card.weights.size(); ++i) {
    if (glob_matches(card.weights[i], party)) return static_cast<std::uint8_t>(i + 1);
  }
  return 0;
}

[[nodiscard]] OperationClass class_of(sql::StatementKind kind) noexcept {
  switch (kind) {
    case sql::StatementKind::ddl:
      return OperationClass::ddl;
    case sql::StatementKind::write:
    case sql::StatementKind::other:
      return OperationClass::write;
    case sql::StatementKind::empty:
    case sql::StatementKind::session:
    case sql::StatementKind::end:
    case sql::StatementKind::begin:
    case sql::StatementKind::read:
      break;
  }
  return OperationClass::read;
}

// 0 is the hash of no name, and of no other.
[[nodiscard]] std::uint64_t hash_of(const TenantName& name, std::uint64_t key) noexcept {
  return name.empty() ? 0 : std::max<std::uint64_t>(1, keyed_hash(name.view(), key));
}

}  // namespace

Classifier::Classifier(const config::Policy& policy, std::uint64_t key)
    : key_(key),
      default_tier_(policy.default_tier),
      tier_tag_(policy.tier_comment_key),
      deadline_tag_(policy.deadline_comment_key),
      tenant_from_(policy.tenant_from),
      scorecards_(policy.scorecards),
      ceilings_(policy.ceilings) {
  rules_.reserve(policy.rules.size());
  for (const config::PolicyRule& rule : policy.rules) {
    const auto index = static_cast<std::uint32_t>(rules_.size());
    if (!rule.match.comment.empty()) comment_rules_.push_back(index);
    const TenantName tenant(rule.tenant.value_or(""));
    rules_.push_back({.match = rule.match,
                      .tier = rule.tier,
                      .deadline = rule.deadline,
                      .tenant = tenant,
                      .tenant_hash = hash_of(tenant, key),
                      .dry_run = rule.dry_run});
  }
  assert(comment_rules_.size() <= config::kCommentRulesMax);
  for (const TenantSource& source : tenant_from_) {
    if (source.kind == TenantSource::Kind::comment) tenant_tags_.push_back(source.comment_key);
  }
}

ConnectionClass Classifier::connect(const ConnectionFacts& facts) const {
  ConnectionClass out;
  out.maker = this;
  const std::string_view host(reinterpret_cast<const char*>(facts.address.bytes.data()),
                              facts.address.size);
  out.party_hash = keyed_hash(facts.user, key_) ^ std::rotl(keyed_hash(host, key_), 1);

  const auto rule = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& candidate) {
    return candidate.match.comment.empty() && connection_fits(candidate.match, facts);
  });
  out.rule = static_cast<std::uint32_t>(rule - rules_.begin());
  for (std::size_t i = 0; i < comment_rules_.size() && comment_rules_[i] < out.rule; ++i) {
    out.comment_rules[i] = connection_fits(rules_[comment_rules_[i]].match, facts);
  }

  for (const TenantSource& source : tenant_from_) {
    if (source.kind == TenantSource::Kind::comment) {
      ++out.tag_sources;
      continue;
    }
    out.tenant = TenantName(tenant_text(source.kind, facts));
    if (!out.tenant.empty()) break;
  }
  out.tenant_hash = hash_of(out.tenant, key_);

  const auto ceiling =
      std::find_if(ceilings_.begin(), ceilings_.end(), [&](const config::TierCeiling& candidate) {
        return glob_matches(candidate.user, facts.user);
      });
  if (ceiling != ceilings_.end()) out.best = ceiling->best;
  connect_scorecards(facts, out);
  return out;
}

void Classifier::classify(const ConnectionClass& connection, const sql::StatementScan& statement,
                          TimePoint now, Classification& out) const noexcept {
  assert(connection.maker == this);
  const Rule* const rule = find_rule(connection, statement);
  choose_tenant(connection, statement, rule, out);
  // Not by tenant alone: a cut within a tier would hit some tenants whole, and spare others.
  const std::uint64_t party = out.profile.tenant ^ connection.party_hash;
  out.profile.priority = Priority(choose_tier(connection, statement, rule), cohort_of(party, now));
  out.profile.operation_class = class_of(statement.kind);
  out.profile.fingerprint = statement.fingerprint;
  out.profile.deadline = choose_deadline(statement, rule);
  out.profile.dry_run = rule != nullptr && rule->dry_run;
  choose_scorecards(connection, statement, out);
}

void Classifier::connect_scorecards(const ConnectionFacts& facts, ConnectionClass& out) const {
  using Kind = config::Scorecard::Party::Kind;
  for (std::size_t i = 0; i < scorecards_.size(); ++i) {
    const config::Scorecard& card = scorecards_[i];
    if (!connection_fits(card.match, facts)) continue;
    out.scorecards[i] = true;
    const std::string name = party_text(card.each.kind, facts);
    if (name.empty() && card.each.kind != Kind::all) continue;  // Each statement says who it is.
    out.parties[i] = keyed_hash(name, key_);
    out.party_weights[i] = weight_of(card, name);
  }
}

void Classifier::choose_scorecards(const ConnectionClass& connection,
                                   const sql::StatementScan& statement,
                                   Classification& out) const noexcept {
  using Kind = config::Scorecard::Party::Kind;
  OperationProfile& profile = out.profile;
  profile.scorecard_count = 0;
  if (connection.scorecards.none()) return;
  for (std::size_t i = 0; i < scorecards_.size(); ++i) {
    const config::Scorecard& card = scorecards_[i];
    const Tier tier = profile.priority.tier();
    if (!connection.scorecards[i] || tier < card.best || tier > card.worst) continue;
    if (card.operation_class && *card.operation_class != profile.operation_class) continue;
    if (!tags_fit(card.match, statement)) continue;
    ScorecardKey key = {.party = connection.parties[i],
                        .card = static_cast<std::uint8_t>(i),
                        .weight = connection.party_weights[i]};
    if (card.each.kind == Kind::tenant) {
      if (profile.tenant == 0) continue;
      key.party = profile.tenant;
      key.weight = weight_of(card, out.tenant.view());
    } else if (card.each.kind == Kind::fingerprint) {
      if (profile.fingerprint == 0) continue;
      key.party = profile.fingerprint;
    } else if (card.each.kind == Kind::comment) {
      const TagValue tag(statement, card.each.comment_key);
      if (!tag.exists()) continue;
      key.party = keyed_hash(tag.view(), key_);
      key.weight = weight_of(card, tag.view());
    }
    profile.scorecards[profile.scorecard_count++] = key;
    if (profile.scorecard_count == kScorecardKeysMax) return;
  }
}

const Classifier::Rule* Classifier::find_rule(const ConnectionClass& connection,
                                              const sql::StatementScan& statement) const noexcept {
  if (statement.tag_count > 0 && connection.comment_rules.any()) {
    for (std::size_t i = 0; i < comment_rules_.size(); ++i) {
      const Rule& rule = rules_[comment_rules_[i]];
      if (connection.comment_rules[i] && tags_fit(rule.match, statement)) return &rule;
    }
  }
  return connection.rule < rules_.size() ? &rules_[connection.rule] : nullptr;
}

void Classifier::choose_tenant(const ConnectionClass& connection,
                               const sql::StatementScan& statement, const Rule* rule,
                               Classification& out) const noexcept {
  if (rule != nullptr && !rule->tenant.empty()) {
    out.tenant = rule->tenant;
    out.profile.tenant = rule->tenant_hash;
    return;
  }
  if (statement.tag_count > 0) {
    for (std::size_t i = 0; i < connection.tag_sources; ++i) {
      out.tenant = TenantName(TagValue(statement, tenant_tags_[i]).view());
      out.profile.tenant = hash_of(out.tenant, key_);
      if (!out.tenant.empty()) return;
    }
  }
  out.tenant = connection.tenant;
  out.profile.tenant = connection.tenant_hash;
}

Tier Classifier::choose_tier(const ConnectionClass& connection, const sql::StatementScan& statement,
                             const Rule* rule) const noexcept {
  Tier tier = default_tier_;
  if (rule != nullptr && rule->tier) {
    tier = *rule->tier;
  } else if (statement.tag_count > 0) {
    tier = config::parse_tier(TagValue(statement, tier_tag_).view()).value_or(default_tier_);
  }
  return std::max(tier, connection.best);  // Worse tiers are greater.
}

Duration Classifier::choose_deadline(const sql::StatementScan& statement,
                                     const Rule* rule) const noexcept {
  if (rule != nullptr && rule->deadline) return *rule->deadline;
  if (statement.tag_count == 0) return Duration::zero();
  const auto wish = config::parse_duration(TagValue(statement, deadline_tag_).view());
  return wish && *wish <= kDeadlineTagMax ? *wish : Duration::zero();
}

std::uint32_t Classifier::cohort_of(std::uint64_t party, TimePoint now) const noexcept {
  const auto hour = std::chrono::floor<std::chrono::hours>(now.time_since_epoch()).count();
  // Murmur3's finalizer: one bit more or less in the hour changes half of all others.
  std::uint64_t mixed = party ^ static_cast<std::uint64_t>(hour) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 33)) * 0xff51afd7ed558ccd;
  mixed = (mixed ^ (mixed >> 33)) * 0xc4ceb9fe1a85ec53;
  return static_cast<std::uint32_t>((mixed ^ (mixed >> 33)) % kCohortCount);
}

}  // namespace loadline::session
