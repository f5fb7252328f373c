// SPDX-License-Identifier: Apache-2.0
#include "shedder/scorecards.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace loadline {
namespace {

// While slots stay free a cap that holds only under pressure gives way by this per second, and
// comes back faster when somebody else waits for a slot.
constexpr double kGivePerSecond = 2.5;
constexpr double kTakeBackPerSecond = 0.02;
constexpr double kCapMax = 1e9;

// Slots are scarce for that long after somebody waited for one.
constexpr Duration kScarceFor = std::chrono::seconds(1);

double slots_of(const ScorecardCap& cap, const Scorecards::Load& load, double share) noexcept {
  switch (cap.unit) {
    case ScorecardCap::Unit::operations:
      break;
    case ScorecardCap::Unit::limit_share:
      return cap.value * load.limit;
    case ScorecardCap::Unit::fair_share:
      return cap.value * share * load.limit;
  }
  return cap.value;
}

std::uint64_t key_of(const ScorecardKey& key) noexcept {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  return std::rotl((key.party ^ (key.card + 1U) * kOdd) * kOdd, 31);
}

}  // namespace

Scorecards::Scorecards() : counts_(kSlotCount) {
  for (Card& card : cards_) {
    for (auto& cap : card.caps) cap.store(kNoCap, std::memory_order_relaxed);
  }
}

void Scorecards::set_options(const std::vector<ScorecardOptions>& options) noexcept {
  assert(options.size() <= kScorecardsMax);
  for (std::size_t i = 0; i < kScorecardsMax; ++i) {
    Card& card = cards_[i];
    card.options = i < options.size() ? options[i] : ScorecardOptions();
    card.stretch = 1;
    card.waiting_max.store(card.options.waiting_max, std::memory_order_relaxed);
    card.dry_run.store(card.options.dry_run, std::memory_order_relaxed);
    for (std::size_t weight = 0; weight < card.options.weights.size(); ++weight) {
      // One that is there stays there, since workers may be looking at it.
      if (card.census[weight] == nullptr) card.census[weight] = std::make_unique<KeyCensus>();
    }
    for (auto& cap : card.caps) cap.store(kNoCap, std::memory_order_relaxed);
  }
  count_.store(options.size(), std::memory_order_release);
}

CountingTable::Entry Scorecards::enter(const ScorecardKey& key) noexcept {
  const std::uint64_t hash = key_of(key);
  cards_[key.card].census[key.weight]->see(hash);
  return counts_.enter(hash);
}

std::uint32_t Scorecards::cap(const ScorecardKey& key) const noexcept {
  return cards_[key.card].caps[key.weight].load(std::memory_order_relaxed);
}

std::uint32_t Scorecards::enforced_cap(const ScorecardKey& key) const noexcept {
  return cards_[key.card].dry_run.load(std::memory_order_relaxed) ? kNoCap : cap(key);
}

std::uint32_t Scorecards::waiting_max(const ScorecardKey& key) const noexcept {
  const std::uint32_t own = cards_[key.card].waiting_max.load(std::memory_order_relaxed);
  return own != 0 ? own : cap(key);
}

bool Scorecards::update(const Load& load, TimePoint now) noexcept {
  const double elapsed =
      std::min(1.0, std::chrono::duration<double>(elapsed_since(updated_at_, now)).count());
  updated_at_ = now;
  if (load.is_scarce) scarce_at_ = now;
  is_scarce_ = load.is_scarce || (!load.has_free && elapsed_since(scarce_at_, now) < kScarceFor);
  bool has_risen = false;
  for (std::size_t i = 0; i < size(); ++i) {
    Card& card = cards_[i];
    if (is_scarce_) {
      card.stretch = std::max(1.0, card.stretch * std::pow(kTakeBackPerSecond, elapsed));
    } else if (load.has_free) {
      card.stretch *= std::pow(kGivePerSecond, elapsed);
    }
    double weighted = 0;
    card.parties = 0;
    for (std::size_t weight = 0; weight < card.options.weights.size(); ++weight) {
      const double parties = card.census[weight]->update(now);
      card.parties += parties;
      weighted += parties * card.options.weights[weight];
    }
    for (std::size_t weight = 0; weight < card.options.weights.size(); ++weight) {
      const double share =
          weighted > 0 ? std::min(1.0, card.options.weights[weight] / weighted) : 1.0;
      if (weight == 0) card.stretch = std::min(card.stretch, stretch_max(card, load, share));
      const std::uint32_t cap = cap_of(card, load, share);
      if (cap > card.caps[weight].load(std::memory_order_relaxed)) has_risen = true;
      card.caps[weight].store(cap, std::memory_order_relaxed);
    }
  }
  return has_risen;
}

// Beyond this it gives way to nothing: no cap is left.
double Scorecards::stretch_max(const Card& card, const Load& load, double share) noexcept {
  if (!card.options.pressure_active_max) return 1;
  return std::max(1.0, load.limit / slots_of(*card.options.pressure_active_max, load, share));
}

std::uint32_t Scorecards::cap_of(const Card& card, const Load& load, double share) noexcept {
  double slots = HUGE_VAL;
  if (card.options.active_max) slots = slots_of(*card.options.active_max, load, share);
  if (card.options.pressure_active_max) {
    const double pressed = slots_of(*card.options.pressure_active_max, load, share);
    const bool has_given_way = card.stretch > 1 && pressed * card.stretch >= load.limit;
    if (!has_given_way) slots = std::min(slots, pressed * card.stretch);
  }
  if (slots > kCapMax) return kNoCap;
  // One at least: what can never start would only wait to be shed.
  return std::max(1U, static_cast<std::uint32_t>(std::lround(slots)));
}

std::vector<ScorecardSnapshot> Scorecards::snapshot() const {
  std::vector<ScorecardSnapshot> all;
  for (std::size_t i = 0; i < size(); ++i) {
    const Card& card = cards_[i];
    ScorecardSnapshot one = {.name = card.options.name,
                             .active_parties = card.parties,
                             .cap = {},
                             .shed = card.shed.load(std::memory_order_relaxed),
                             .dry_run = card.options.dry_run};
    const std::uint32_t cap = card.caps[0].load(std::memory_order_relaxed);
    if (cap != kNoCap) one.cap = cap;
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace loadline
