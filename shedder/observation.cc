// SPDX-License-Identifier: Apache-2.0
#include "shedder/observation.h"

#include <algorithm>
#include <cstddef>

namespace loadline {
namespace {

constexpr auto bucket_bounds_in_nanoseconds() {
  std::array<std::int64_t, kLatencyBucketBounds.size()> bounds = {};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const std::chrono::duration<double> bound(kLatencyBucketBounds[i]);
    bounds[i] = std::chrono::round<Duration>(bound).count();
  }
  return bounds;
}
constexpr auto kBounds = bucket_bounds_in_nanoseconds();

}  // namespace

void LatencyHistogram::record(Duration latency) noexcept {
  const auto* const bound = std::lower_bound(kBounds.begin(), kBounds.end(), latency.count());
  buckets_[static_cast<std::size_t>(bound - kBounds.begin())].add(1);
  sum_nanoseconds_.add(latency.count());
}

void LatencyHistogram::add_to(LatencySnapshot& snapshot) const noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i) snapshot.buckets[i] += buckets_[i].read();
  snapshot.sum_seconds += static_cast<double>(sum_nanoseconds_.read()) * 1e-9;
}

double LatencyCentres::centred(std::uint64_t fingerprint, std::uint32_t cycle,
                               double log_latency) noexcept {
  // Fibonacci hashing: the top bits depend on all bits, whatever hash the fingerprint is.
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15U;
  constexpr unsigned kShift = 64U - 10U;
  static_assert(kSlotCount == std::size_t{1} << 10U);
  Slot& slot = slots_[(fingerprint * kGolden) >> kShift];

  if (slot.cycle != cycle) {
    if (slot.count >= kSamplesMin) {
      slot.centre = slot.sum / slot.count;
      slot.known = true;
      slot.sum = 0;
      slot.count = 0;
    }
    slot.cycle = cycle;
  }
  if (slot.count >= kSamplesKept) {
    slot.sum /= 2;
    slot.count /= 2;
  }
  slot.sum += log_latency;
  ++slot.count;
  if (!slot.known) return log_latency;
  return std::clamp(log_latency - slot.centre, -kDistanceMax, kDistanceMax);
}

void TierCounters::add_to(TierSnapshot& snapshot) const noexcept {
  const std::uint64_t at_once = admitted_at_once.read();
  snapshot.offered += offered.read();
  snapshot.admitted += at_once + admitted_from_queue.read();
  snapshot.completed += completed.read();
  snapshot.failed += failed.read();
  snapshot.abandoned += abandoned_waiting.read() + abandoned_active.read();
  for (std::size_t i = 0; i < shed.size(); ++i) snapshot.shed[i] += shed[i].read();
  for (std::size_t i = 0; i < would_shed.size(); ++i) {
    snapshot.would_shed[i] += would_shed[i].read();
  }
  wait.add_to(snapshot.wait);
  snapshot.wait.buckets.front() +=
      at_once;  // They waited for nothing, and the fast path counts once.
  service.add_to(snapshot.service);
}

void DemandCounters::add_to(Rejector::Flow& flow) const noexcept {
  flow.offered += offered.read();
  flow.entered += entered.read();
  flow.started += started.read();
}

ObservationShard::ObservationShard(std::size_t fingerprint_slots, std::size_t tenant_slots,
                                   std::uint64_t seed)
    : fingerprints(fingerprint_slots), tenants(tenant_slots), rng(seed) {}

void ObservationShard::add_to(LoadTotals& totals) const noexcept {
  for (const TierCounters& tier : tiers) {
    totals.offered += tier.offered.read();
    for (const Counter& shed : tier.shed) totals.shed += shed.read();
  }
  totals.answered += answered.read();
  totals.service += Duration(service_nanoseconds.read());
  totals.overloaded += overloaded.read();
  totals.samples += samples.read();
  totals.log_latency += sample_log_latency.read();
  totals.active += sample_active.read();
}

}  // namespace loadline
