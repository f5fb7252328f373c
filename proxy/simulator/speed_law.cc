// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/speed_law.h"

#include <algorithm>

namespace loadline::simulator {
namespace {

constexpr std::uint32_t kTableSize = 4096;
// Both laws' total only falls from far below this on, for any parameters worth asking about.
constexpr std::uint32_t kKneeMax = 4096;

}  // namespace

double SpeedLaw::speed(std::uint32_t jobs) const {
  if (jobs == 0) return 0;
  const double n = jobs;
  if (kind == Kind::usl) return 1 / (1 + sigma * (n - 1) + kappa * n * (n - 1));
  return std::min(1.0, cores / n) / (1 + thrash * std::max(0.0, n - 2 * cores));
}

Knee knee_of(const SpeedLaw& law) {
  Knee best = {.jobs = 1, .speed = law.speed(1)};
  for (std::uint32_t n = 2; n <= kKneeMax; ++n) {
    const double total = n * law.speed(n);
    if (total > best.speed * (1 + 1e-12)) best = {.jobs = n, .speed = total};
  }
  return best;
}

SpeedTable::SpeedTable(const SpeedLaw& law) : law_(law), speeds_(kTableSize) {
  for (std::uint32_t n = 0; n < kTableSize; ++n) speeds_[n] = law.speed(n);
}

}  // namespace loadline::simulator
