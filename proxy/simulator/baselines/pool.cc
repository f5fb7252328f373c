// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/baselines/pool.h"

#include <algorithm>

namespace loadline::simulator {
namespace {

// Of "Fail at Scale" (Maurer, 2015).
constexpr Duration kBusyFor = std::chrono::milliseconds(100);
constexpr Duration kWaitWhenBusy = std::chrono::milliseconds(5);
constexpr Duration kIdle = std::chrono::seconds(1);
constexpr Duration kExpiryStep = std::chrono::milliseconds(1);

constexpr Verdict kAdmit = {.kind = Verdict::Kind::admit};
constexpr Verdict kWait = {.kind = Verdict::Kind::wait};

Verdict shed(ShedReason reason, Duration waited) {
  return {.kind = Verdict::Kind::shed, .reason = reason, .waited = waited};
}

}  // namespace

Verdict Pool::offer(std::uint32_t operation, const OperationProfile& profile, TimePoint now) {
  if (places_.size() <= operation) places_.resize(std::size_t{operation} + 1);
  Place& place = places_[operation];
  ++place.use;
  place.waits = place.held = false;
  place.offered = now;
  if (refuses(profile, now)) return shed(ShedReason::queue_full, Duration::zero());
  if (waiting_ == 0 && !is_full()) {
    admit(operation, now);
    return kAdmit;
  }
  if (options_.wait_max <= Duration::zero()) return shed(ShedReason::queue_full, Duration::zero());
  if (waiting_ == 0) filled_at_ = now;
  ++waiting_;
  place.waits = true;
  const auto tier = options_.by_tier ? static_cast<std::size_t>(profile.priority.tier()) : 0;
  queues_[tier].push_back({operation, place.use, now});
  return kWait;
}

void Pool::complete(std::uint32_t operation, Outcome outcome, TimePoint now) {
  const Place& place = places_[operation];
  if (!place.held) active_ -= 1;
  on_answer({.latency = now - place.admitted,
             .waited = place.admitted - place.offered,
             .is_ok = outcome == Outcome::ok || outcome == Outcome::error,
             .admitted_at = place.admitted,
             .active = place.active},
            now);
  pump(now);
}

bool Pool::abandon(std::uint32_t operation, TimePoint /*now*/) {
  if (!places_[operation].waits) return false;
  places_[operation].waits = false;
  --waiting_;
  return true;
}

void Pool::hold(std::uint32_t operation, TimePoint now) {
  places_[operation].held = true;
  active_ -= 1;
  pump(now);
}

void Pool::resume(std::uint32_t operation, TimePoint /*now*/) {
  places_[operation].held = false;
  active_ += 1;
}

TimePoint Pool::tick(TimePoint now) {
  TimePoint due = now + kIdle;
  if (period_ > Duration::zero()) {
    if (now >= period_at_) {
      if (period_at_ != TimePoint()) on_period(now);
      period_at_ = now + period_;
    }
    due = std::min(due, period_at_);
  }
  expire(now);
  pump(now);
  return options_.wait_max > Duration::zero() ? std::min(due, now + kExpiryStep) : due;
}

void Pool::admit(std::uint32_t operation, TimePoint now) {
  Place& place = places_[operation];
  active_ += 1;
  place.admitted = now;
  place.active = active_;
}

void Pool::pump(TimePoint now) {
  while (waiting_ > 0 && !is_full()) {
    drop_stale();
    Ring<Entry>* queue = queues_;
    while (queue->empty()) ++queue;
    const bool newest = options_.adaptive_lifo && busy_for(now) > kBusyFor;
    const Entry entry = newest ? queue->back() : queue->front();
    newest ? queue->pop_back() : queue->pop_front();
    places_[entry.operation].waits = false;
    --waiting_;
    if (now - entry.at > wait_max(now)) {
      late_.push_back({entry.operation, shed(ShedReason::queue_timeout, now - entry.at)});
      continue;
    }
    admit(entry.operation, now);
    late_.push_back({entry.operation, kAdmit});
  }
}

void Pool::expire(TimePoint now) {
  drop_stale();
  for (Ring<Entry>& queue : queues_) {
    while (!queue.empty()) {
      const Entry entry = queue.front();
      if (!is_stale(entry)) {
        if (now - entry.at <= wait_max(now)) break;
        places_[entry.operation].waits = false;
        --waiting_;
        late_.push_back({entry.operation, shed(ShedReason::queue_timeout, now - entry.at)});
      }
      queue.pop_front();
    }
  }
}

Duration Pool::wait_max(TimePoint now) const {
  if (options_.adaptive_lifo && busy_for(now) > kBusyFor) return kWaitWhenBusy;
  return options_.wait_max;
}

// At both ends, so that whichever is looked at waits.
void Pool::drop_stale() {
  for (Ring<Entry>& queue : queues_) {
    while (!queue.empty() && is_stale(queue.front())) queue.pop_front();
    while (!queue.empty() && is_stale(queue.back())) queue.pop_back();
  }
}

}  // namespace loadline::simulator
