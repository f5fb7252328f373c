// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/session/tenant_name.h"
#include "proxy/sql/scan.h"
#include "shedder/operation.h"

namespace loadline::session {

struct ClientAddress {
  bool is_unix = false;
  std::uint8_t size = 0;                    // 4 or 16; 0 if unknown or a Unix socket.
  std::array<std::uint8_t, 16> bytes = {};  // Network order.
};

// What is known of a client once it has logged in.
struct ConnectionFacts {
  std::string user;
  std::string database;
  std::string application;
  ClientAddress address;
};

struct Classification {
  OperationProfile profile;
  TenantName tenant;
};

// Everything about a connection that its statements' classification needs: kept for each client, so
// small. Only the classifier that made it understands it; after a reload ask the new one for a new
// one.
struct ConnectionClass {
  const void* maker = nullptr;    // The classifier.
  std::uint64_t party_hash = 0;   // Of the user and the host: who shares a cohort.
  std::uint64_t tenant_hash = 0;  // Of `tenant`; 0 if that is empty.
  // Which of the rules that need comment tags fit as far as the connection goes.
  std::bitset<config::kCommentRulesMax> comment_rules;
  std::uint32_t rule = 0;  // The first rule that needs no tags and matches, or the rule count.
  std::uint32_t tag_sources = 0;  // How many of the tenant tags come before `tenant`.
  Tier best = Tier::t0;           // The user's ceiling.
  // Which scorecards concern the connection as far as its facts go, and for those that count by one
  // of the facts, as whose and at which weight.
  std::bitset<kScorecardsMax> scorecards;
  std::array<std::uint8_t, kScorecardsMax> party_weights = {};
  std::array<std::uint64_t, kScorecardsMax> parties = {};
  TenantName tenant;  // From the connection's facts; may be empty.
};
static_assert(sizeof(ConnectionClass) <= 240, "one for every idle client");

// Says what an operation is to the gate, by the policy: tier, cohort, tenant, deadline. Immutable,
// so all threads share one; no clock, no I/O. What a statement says of itself is believed as far as
// the user's ceiling goes; a tag that makes no sense is as good as none.
class Classifier {
 public:
  // `key` is secret and random: it keeps clients from choosing their cohort, and tenants from being
  // named so that they collide. Keep it across reloads, or every tenant changes cohort.
  Classifier(const config::Policy& policy, std::uint64_t key);

  // Once per login. May allocate.
  [[nodiscard]] ConnectionClass connect(const ConnectionFacts& facts) const;

  // Once per operation. Requires a class that this classifier made. Never allocates.
  void classify(const ConnectionClass& connection, const sql::StatementScan& statement,
                TimePoint now, Classification& out) const noexcept;

 private:
  struct Rule {
    config::Match match;
    std::optional<Tier> tier;
    std::optional<Duration> deadline;
    TenantName tenant;
    std::uint64_t tenant_hash = 0;
    bool dry_run = false;
  };

  [[nodiscard]] const Rule* find_rule(const ConnectionClass& connection,
                                      const sql::StatementScan& statement) const noexcept;
  void choose_tenant(const ConnectionClass& connection, const sql::StatementScan& statement,
                     const Rule* rule, Classification& out) const noexcept;
  [[nodiscard]] Tier choose_tier(const ConnectionClass& connection,
                                 const sql::StatementScan& statement,
                                 const Rule* rule) const noexcept;
  [[nodiscard]] Duration choose_deadline(const sql::StatementScan& statement,
                                         const Rule* rule) const noexcept;
  void connect_scorecards(const ConnectionFacts& facts, ConnectionClass& out) const;
  void choose_scorecards(const ConnectionClass& connection, const sql::StatementScan& statement,
                         Classification& out) const noexcept;
  [[nodiscard]] std::uint32_t cohort_of(std::uint64_t party, TimePoint now) const noexcept;

  std::uint64_t key_;
  Tier default_tier_;
  std::string tier_tag_;
  std::string deadline_tag_;
  std::vector<Rule> rules_;
  std::vector<std::uint32_t> comment_rules_;  // Indices of the rules that need tags, ascending.
  std::vector<config::TenantSource> tenant_from_;
  std::vector<std::string> tenant_tags_;  // The keys of the tag sources among them, in their order.
  std::vector<config::Scorecard> scorecards_;
  std::vector<config::TierCeiling> ceilings_;
};

}  // namespace loadline::session
