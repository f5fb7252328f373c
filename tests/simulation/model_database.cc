// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/model_database.h"

#include <algorithm>
#include <cmath>

namespace loadline {

void ModelDatabase::start(std::size_t id, Duration work, TimePoint now) {
  advance(now);
  jobs_.push(
      {.ends = progress_ + static_cast<double>(work.count()), .order = started_++, .id = id});
}

std::size_t ModelDatabase::finish(TimePoint now) {
  advance(now);
  const std::size_t id = jobs_.top().id;
  jobs_.pop();
  return id;
}

TimePoint ModelDatabase::completion_at() const {
  if (jobs_.empty() || speed() <= 0) return TimePoint::max();
  const double left = std::max(jobs_.top().ends - progress_, 0.0) / speed();
  return now_ + Duration(static_cast<std::int64_t>(std::ceil(left)));
}

void ModelDatabase::set_capacity(double share, TimePoint now) {
  advance(now);
  capacity_ = share;
}

void ModelDatabase::advance(TimePoint now) {
  progress_ += static_cast<double>((now - now_).count()) * speed();
  now_ = now;
}

double ModelDatabase::speed() const { return jobs_.empty() ? 0 : capacity_ * law_(active()); }

ModelDatabase::Law ModelDatabase::scalability(double sigma, double kappa) {
  return [=](std::uint32_t active) {
    const double n = active;
    return 1 / (1 + sigma * (n - 1) + kappa * n * (n - 1));
  };
}

ModelDatabase::Law ModelDatabase::processors(double count) {
  return [=](std::uint32_t active) { return std::min(1.0, count / active); };
}

}  // namespace loadline
