// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "shedder/clock.h"
#include "shedder/counting_table.h"
#include "shedder/key_census.h"
#include "shedder/operation.h"
#include "shedder/scorecard.h"

namespace loadline {

// The caps of the scorecards as they are now, how many operations each party has active and
// waiting, and how many parties there are. All of an operation's scorecards must grant.
//
// Memory is bounded whatever the number of parties: see CountingTable and KeyCensus; as many as
// 16,384 parties with operations in the gate at the same moment are told apart.
//
// Thread-safe without locks, but for update() and set_options(): one thread at a time.
class Scorecards {
 public:
  static constexpr std::uint32_t kNoCap = std::numeric_limits<std::uint32_t>::max();

  Scorecards();

  // Requires at most kScorecardsMax, and what ScorecardOptions says.
  void set_options(const std::vector<ScorecardOptions>& options) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }

  // One more active operation of the party.
  [[nodiscard]] CountingTable::Entry enter(const ScorecardKey& key) noexcept;
  [[nodiscard]] CountingTable& counts() noexcept { return counts_; }
  // Its cap now; kNoCap if it has none, or only for show.
  [[nodiscard]] std::uint32_t enforced_cap(const ScorecardKey& key) const noexcept;
  // The cap, whether enforced or for show.
  [[nodiscard]] std::uint32_t cap(const ScorecardKey& key) const noexcept;
  [[nodiscard]] std::uint32_t waiting_max(const ScorecardKey& key) const noexcept;
  void count_shed(const ScorecardKey& key) noexcept {
    cards_[key.card].shed.fetch_add(1, std::memory_order_relaxed);
  }

  struct Load {
    double limit = 1;
    bool is_scarce = false;  // Others wait for a slot.
    bool has_free = false;   // A slot is free.
  };
  // To be called about every 100 ms. True: a cap may have risen.
  bool update(const Load& load, TimePoint now) noexcept;

  // With update(): not by two threads at once.
  [[nodiscard]] std::vector<ScorecardSnapshot> snapshot() const;

 private:
  static constexpr std::size_t kSlotCount = 16'384;

  struct Card {
    ScorecardOptions options;
    std::atomic<std::uint32_t> waiting_max = 0;
    std::atomic<bool> dry_run = false;
    std::array<std::atomic<std::uint32_t>, kScorecardWeightsMax> caps;
    std::atomic<std::uint64_t> shed = 0;
    std::array<std::unique_ptr<KeyCensus>, kScorecardWeightsMax> census;  // Of fair shares only.
    double stretch = 1;  // How far the cap under pressure has given way.
    double parties = 0;
  };

  [[nodiscard]] static double stretch_max(const Card& card, const Load& load,
                                          double share) noexcept;
  [[nodiscard]] static std::uint32_t cap_of(const Card& card, const Load& load,
                                            double share) noexcept;

  CountingTable counts_;
  std::array<Card, kScorecardsMax> cards_;
  std::atomic<std::size_t> count_ = 0;
  TimePoint updated_at_ = {};
  bool is_scarce_ = false;
  TimePoint scarce_at_ = {};
};

}  // namespace loadline
