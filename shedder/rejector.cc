// SPDX-License-Identifier: Apache-2.0
#include "shedder/rejector.h"

#include <algorithm>
#include <cmath>

namespace loadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kInterval = milliseconds(20);
constexpr Duration kIntervalMax = seconds(2);
constexpr std::uint64_t kOfferedMin = 20;

constexpr double kIntegralPerSecond = 16;
constexpr double kIntegralPerStepMax = 0.5;  // The bound of stability.
constexpr double kProportional = 0.1;
constexpr double kFreeWeight = 0.5;
constexpr double kLeakSeconds = 30;
// A slot free and nobody waiting for that long: less is refused. In a light overload the queue is
// empty now and then, between bursts it is for longer.
constexpr Duration kCalm = milliseconds(100);
constexpr double kDisarmBelow = 0.02;
// A stall is seen only after a while, and until then it looks like an overload.
constexpr Duration kStallSeen = seconds(3);

constexpr auto kHeavy = static_cast<std::size_t>(Demand::heavy);

// The queue that is left standing, in slots, and how fast one that is longer is worked off.
constexpr double kQueueShare = 0.5;
constexpr double kQueueMin = 4;
constexpr double kQueueSeconds = 0.1;
// At most this share of what gets through may be given up for that: a long queue is worked off
// while the slots stay busy.
constexpr double kCorrectionMax = 0.3;

double seconds_of(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Rejector::on_tick(const Input& input, TimePoint now) noexcept {
  if (!started_) {
    started_ = true;
    since_ = now;
    mark_ = input;
    return;
  }
  const Slots all = {.limit = input.limit, .active = input.active};
  const Slots lane = {.limit = input.heavy_limit, .active = input.heavy_active};
  arm(light_, input, all, 0, kHeavy, now);
  arm(heavy_, input, lane, kHeavy, kHeavy + 1, now);

  const Duration lasted = elapsed_since(since_, now);
  std::uint64_t offered = 0;
  for (std::size_t i = 0; i < kDemandCount; ++i) {
    offered += input.flows[i].offered - mark_.flows[i].offered;
  }
  if (lasted < kInterval || (offered < kOfferedMin && lasted < kIntervalMax)) return;

  const double interval_seconds = seconds_of(lasted);
  run(light_, input, all, 0, kHeavy, interval_seconds);
  run(heavy_, input, lane, kHeavy, kHeavy + 1, interval_seconds);
  since_ = now;
  mark_ = input;
}

void Rejector::arm(Group& group, const Input& input, Slots slots, std::size_t first,
                   std::size_t end, TimePoint now) noexcept {
  std::uint32_t waiting = 0;
  for (std::size_t i = first; i < end; ++i) waiting += input.waiting[i];
  if (input.may_arm && waiting > 0 && !group.armed) {
    group.armed = true;
    group.armed_at = now;
  }
  const bool calm = waiting == 0 && slots.active < slots.limit;
  if (!calm || !group.calm) group.calm_since = now;
  group.calm = calm;
  if (elapsed_since(group.calm_since, now) < kCalm) return;
  group.calm_since = now;
  double most = 0;
  for (std::size_t i = first; i < end; ++i) {
    Loop& loop = loops_[i];
    // Twice as much is let through, so that the same happens at every load.
    loop.integral = std::max(0.0, 1 - 2 * (1 - loop.integral));
    loop.ratio = std::min(loop.ratio, loop.integral);
    most = std::max(most, loop.integral);
  }
  if (most >= kDisarmBelow) return;
  disarm(group, first, end);
}

void Rejector::run(const Group& group, const Input& input, Slots slots, std::size_t first,
                   std::size_t end, double interval_seconds) noexcept {
  double waiting = 0;
  double offered = 0;
  for (std::size_t i = first; i < end; ++i) {
    waiting += input.waiting[i];
    offered += static_cast<double>(input.flows[i].offered - mark_.flows[i].offered);
  }
  const double free = std::max(0.0, slots.limit - slots.active);
  if (!group.armed) return;

  const double too_long = waiting - std::max(kQueueMin, kQueueShare * slots.limit);
  for (std::size_t i = first; i < end; ++i) {
    Loop& loop = loops_[i];
    const Flow& flow = input.flows[i];
    const Flow& mark = mark_.flows[i];
    const auto demanded = static_cast<double>(flow.offered - mark.offered);
    const double share = offered > 0 ? demanded / offered : 0.0;
    const double of_queue = waiting > 0 ? input.waiting[i] / waiting : share;
    const double balance = static_cast<double>(flow.entered - mark.entered) -
                           static_cast<double>(flow.started - mark.started);
    const auto started = static_cast<double>(flow.started - mark.started);
    const double correction =
        std::min(too_long * of_queue * std::min(1.0, interval_seconds / kQueueSeconds),
                 kCorrectionMax * started);
    const double error = std::clamp(
        (balance + correction - kFreeWeight * free * share) / std::max(demanded, 1.0), -1.0, 1.0);
    loop.integral *= std::exp(-interval_seconds / kLeakSeconds);
    loop.integral += std::min(kIntegralPerSecond * interval_seconds, kIntegralPerStepMax) * error;
    loop.integral = std::clamp(loop.integral, 0.0, kRatioMax);
    loop.ratio = std::clamp(loop.integral + kProportional * error, 0.0, kRatioMax);
  }
}

void Rejector::freeze(const Input& input, TimePoint now) noexcept {
  since_ = now;
  mark_ = input;
  if (light_.armed && elapsed_since(light_.armed_at, now) < kStallSeen) disarm(light_, 0, kHeavy);
  if (heavy_.armed && elapsed_since(heavy_.armed_at, now) < kStallSeen) {
    disarm(heavy_, kHeavy, kDemandCount);
  }
}

void Rejector::disarm(Group& group, std::size_t first, std::size_t end) noexcept {
  group.armed = false;
  for (std::size_t i = first; i < end; ++i) loops_[i] = {};
}

}  // namespace loadline
