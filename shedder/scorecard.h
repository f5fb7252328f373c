// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace loadline {

// How many operations of one party may be active at once.
struct ScorecardCap {
  enum class Unit : std::uint8_t {
    operations,
    limit_share,  // Of the gate's limit: 0.5 is half of it.
    fair_share,   // Of the limit over all parties that are active, by weight: 2 is twice that.
  };
  Unit unit = Unit::operations;
  double value = 0;  // > 0.

  bool operator==(const ScorecardCap&) const = default;
};

// A rule that counts apart the operations of each party (a tenant, a user, …; who and what it
// concerns is the classifier's business) and caps each. The defaults are the documentation.
struct ScorecardOptions {
  std::string name = {};
  // Always.
  std::optional<ScorecardCap> active_max = {};
  // While slots are scarce. It gives way where slots would stay free for it.
  std::optional<ScorecardCap> pressure_active_max = {};
  // Operations of a party that may wait for its cap; more are shed at once. 0: as many as its cap.
  std::uint32_t waiting_max = 0;
  // Of a party's class of weight, for fair shares: at most kScorecardWeightsMax, each > 0.
  std::vector<double> weights = {1};
  // Counts what it would shed, and sheds nothing.
  bool dry_run = false;

  bool operator==(const ScorecardOptions&) const = default;
};

struct ScorecardSnapshot {
  std::string name;
  double active_parties = 0;  // In the last seconds, about.
  // What a party of the first weight may have active now. Nothing: no cap.
  std::optional<std::uint32_t> cap;
  std::uint64_t shed = 0;  // Or would have been, in a dry run.
  bool dry_run = false;
};

}  // namespace loadline
