// SPDX-License-Identifier: Apache-2.0
#include "shedder/fingerprint_book.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

// Fewer make a mean whose minimum over time is biased low by a standard deviation.
constexpr std::uint64_t kSamplesMin = 50;
constexpr double kSignificant = 0.15;  // In ln.
constexpr double kBaseDown = 0.2;      // Of the gap.
constexpr double kBaseUpPerSecond = 0.0025;

constexpr double kQueuedMin = 4;
constexpr double kQueuedShare = 0.5;
constexpr double kReleaseBelow = 2;
constexpr double kCapMin = 2;
constexpr double kCapCut = 0.8;
constexpr double kCapGrowth = 1.05;
constexpr double kCapStep = 0.5;

constexpr double kHeavyFactor = 8;
constexpr std::uint64_t kSurelyHeavyMin = 3;
constexpr double kSurelyHeavyDeviations = 3;  // ln of an exponential time deviates by 1.3.
constexpr std::uint32_t kAgeMax = 15;         // Updates: 3 s.
constexpr double kActiveSmoothing = 0.3;

}  // namespace

FingerprintBook::FingerprintBook(std::size_t slot_count)
    : slot_count_(slot_count),
      limits_(std::make_unique<Limits[]>(slot_count)),
      owners_(std::make_unique<std::atomic<std::uint64_t>[]>(slot_count)),
      known_(slot_count) {
  ranked_.reserve(slot_count);
}

void FingerprintBook::update(std::span<const Totals> totals, std::span<const std::uint32_t> active,
                             bool saturated, double limit, Duration interval) noexcept {
  for (std::uint32_t slot = 0; slot < slot_count_; ++slot) {
    const std::uint64_t owner = owners_[slot].load(std::memory_order_relaxed);
    Known& known = known_[slot];
    if (owner == 0 && known.fingerprint == 0) continue;
    if (owner != known.fingerprint) known = {.fingerprint = owner, .mark = totals[slot]};
    known.active +=
        static_cast<float>(kActiveSmoothing * (static_cast<double>(active[slot]) - known.active));
    if (++known.age > kAgeMax) known.weight = 0;
    sample(known, totals[slot], saturated);
    if (known.is_known && !saturated) {
      known.base =
          std::min(std::max(known.mean, known.base),
                   known.base + kBaseUpPerSecond * std::chrono::duration<double>(interval).count());
    }
  }
  const auto slower = [](const Known& known) { return known.mean - known.base; };
  const double trusted = weighted_median([&](const Known& known) -> std::pair<double, double> {
    return {slower(known), known.is_trusted ? known.weight : 0.0};
  });
  const double of_all = weighted_median([&](const Known& known) -> std::pair<double, double> {
    return {slower(known), known.weight};
  });
  slowdown_ = std::max({0.0, trusted, of_all});
  const double usual = weighted_median([](const Known& known) -> std::pair<double, double> {
    return {known.base, known.is_known ? known.weight : 0.0};
  });
  is_usual_known_ = !ranked_.empty();
  capped_count_ = 0;
  for (std::uint32_t slot = 0; slot < slot_count_; ++slot) {
    Known& known = known_[slot];
    if (!known.is_known) {
      if (is_surely_heavy(known, totals[slot], usual)) {
        limits_[slot].is_heavy.store(true, std::memory_order_relaxed);
      }
      continue;
    }
    const double relative = std::exp(known.base - usual);
    limits_[slot].cost.store(static_cast<float>(relative), std::memory_order_relaxed);
    limits_[slot].service_seconds.store(static_cast<float>(std::exp(known.mean)),
                                        std::memory_order_relaxed);
    limits_[slot].is_heavy.store(relative > kHeavyFactor, std::memory_order_relaxed);
    set_cap(known, slot, limit);
    if (known.cap > 0) ++capped_count_;
  }
}

// A few answers tell, if they took long enough: fifty of a heavy kind may take minutes to come.
bool FingerprintBook::is_surely_heavy(const Known& known, const Totals& totals,
                                      double usual) const noexcept {
  const std::uint64_t count = totals.count - known.mark.count;
  if (count < kSurelyHeavyMin || !is_usual_known_) return false;
  const auto samples = static_cast<double>(count);
  const double mean = (totals.log_seconds - known.mark.log_seconds) / samples;
  return mean - kSurelyHeavyDeviations / std::sqrt(samples) > usual + std::log(kHeavyFactor);
}

void FingerprintBook::sample(Known& known, const Totals& totals, bool saturated) noexcept {
  const std::uint64_t count = totals.count - known.mark.count;
  if (count < kSamplesMin) return;
  known.mean = (totals.log_seconds - known.mark.log_seconds) / static_cast<double>(count);
  known.weight = static_cast<double>(count);
  known.age = 0;
  known.mark = totals;
  if (!known.is_known) {
    known.is_known = true;
    known.is_trusted = !saturated;
    known.base = known.mean - (saturated ? slowdown_ : 0.0);
  } else if (known.mean < known.base - kSignificant) {
    known.base += kBaseDown * (known.mean - known.base);
  } else if (!saturated) {
    known.is_trusted = true;
  }
}

void FingerprintBook::set_cap(Known& known, std::uint32_t slot, double limit) noexcept {
  const double excess = std::max(0.0, known.mean - known.base - slowdown_);
  const double active = known.active;
  const double queued = known.weight > 0 ? active * (1 - std::exp(-excess)) : 0.0;
  if (queued > kQueuedMin && queued > kQueuedShare * active) {
    const double now = known.cap > 0 ? std::min(known.cap, active) : active;
    known.cap = std::max(kCapMin, kCapCut * now);
  } else if (known.cap > 0 && queued < kReleaseBelow) {
    known.cap = kCapGrowth * known.cap + kCapStep;
    if (known.cap > limit) known.cap = 0;
  }
  limits_[slot].cap.store(
      known.cap > 0 ? static_cast<std::uint32_t>(std::lround(known.cap)) : kNoCap,
      std::memory_order_relaxed);
}

template <typename Value>
double FingerprintBook::weighted_median(Value&& value) noexcept {
  ranked_.clear();
  double sum = 0;
  for (const Known& known : known_) {
    if (!known.is_known) continue;
    const auto [number, weight] = value(known);
    if (weight <= 0) continue;
    ranked_.emplace_back(number, weight);  // Has room.
    sum += weight;
  }
  if (ranked_.empty()) return 0;
  std::sort(ranked_.begin(), ranked_.end());
  double passed = 0;
  for (const auto& [number, weight] : ranked_) {
    passed += weight;
    if (passed >= sum / 2) return number;
  }
  return ranked_.back().first;
}

}  // namespace loadline
