// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/station.h"

#include <algorithm>
#include <cmath>

namespace loadline::simulator {
namespace {

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
// Later than any run ends, and far from overflow.
constexpr double kNeverNs = 1e18;

}  // namespace

void Station::start(std::uint32_t id, Duration work, TimePoint now) {
  advance(now);
  if (orders_.size() <= id) orders_.resize(std::size_t{id} + 1);
  orders_[id] = ++started_;
  heap_.push_back({progress_ + static_cast<double>(work.count()), started_, id});
  std::push_heap(heap_.begin(), heap_.end(), is_later);
  ++jobs_;
  plan();
}

std::uint32_t Station::finish(TimePoint now) {
  advance(now);
  const std::uint32_t id = heap_.front().id;
  std::pop_heap(heap_.begin(), heap_.end(), is_later);
  heap_.pop_back();
  orders_[id] = 0;
  --jobs_;
  plan();
  return id;
}

void Station::remove(std::uint32_t id, TimePoint now) {
  advance(now);
  orders_[id] = 0;
  --jobs_;
  plan();
}

void Station::clear(TimePoint now) {
  advance(now);
  heap_.clear();
  std::fill(orders_.begin(), orders_.end(), 0);
  jobs_ = 0;
  plan();
}

void Station::set_capacity(double share, TimePoint now) {
  advance(now);
  capacity_ = share;
  plan();
}

double Station::job_seconds(TimePoint now) const {
  return job_seconds_ + jobs_ * to_seconds(now - now_);
}

void Station::advance(TimePoint now) {
  progress_ += static_cast<double>((now - now_).count()) * speed_;
  job_seconds_ += jobs_ * to_seconds(now - now_);
  now_ = now;
}

void Station::plan() {
  while (!heap_.empty() && orders_[heap_.front().id] != heap_.front().order) {
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    heap_.pop_back();
  }
  speed_ = capacity_ * speeds_.speed(jobs_);
  completion_at_ = TimePoint::max();
  if (heap_.empty() || speed_ <= 0) return;
  const double left = std::max(heap_.front().ends - progress_, 0.0) / speed_;
  if (left < kNeverNs) completion_at_ = now_ + Duration(static_cast<std::int64_t>(std::ceil(left)));
}

}  // namespace loadline::simulator
