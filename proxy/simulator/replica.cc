// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/replica.h"

namespace loadline::simulator {
namespace {

// Writes closer together than this are as old as each other.
constexpr Duration kBatch = std::chrono::milliseconds(5);

}  // namespace

void ReplicaModel::set_speed(double speed, TimePoint now) {
  apply(now);
  speed_ = speed;
}

void ReplicaModel::write(Duration work, TimePoint now) {
  apply(now);
  if (backlog_.empty() || now - backlog_.back().first > kBatch) {
    backlog_.push_back({.first = now});
  }
  backlog_.back().work_ns += static_cast<double>(work.count());
}

Duration ReplicaModel::lag(TimePoint now) {
  apply(now);
  return backlog_.empty() ? Duration::zero() : now - backlog_.front().first;
}

void ReplicaModel::apply(TimePoint now) {
  double budget = static_cast<double>((now - now_).count()) * speed_;
  now_ = now;
  while (!backlog_.empty() && budget > 0) {
    Batch& oldest = backlog_.front();
    if (oldest.work_ns > budget) {
      oldest.work_ns -= budget;
      return;
    }
    budget -= oldest.work_ns;
    backlog_.pop_front();
  }
}

}  // namespace loadline::simulator
