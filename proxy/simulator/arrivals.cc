// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/arrivals.h"

#include <algorithm>
#include <cmath>

namespace loadline::simulator {
namespace {

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// The seeds of streams must differ by more than a little.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t stream) {
  return Rng(seed ^ (stream * 0x9e3779b97f4a7c15U)).next();
}

}  // namespace

Tenants::Tenants(const Scenario& scenario) {
  double sum = 0;
  for (std::uint32_t k = 1; k <= std::max(scenario.tenants, 1U); ++k) {
    sum += std::pow(k, -scenario.zipf);
    cumulative_.push_back(sum);
  }
  for (double& value : cumulative_) value /= sum;
  count_ = cumulative_.size();
  for (std::size_t i = 0; i < scenario.classes.size(); ++i) {
    const std::string& own = scenario.classes[i].tenant;
    if (own.empty()) {
      own_of_.push_back(-1);
      continue;
    }
    // Classes may share one.
    std::size_t same = 0;
    while (scenario.classes[same].tenant != own) ++same;
    own_of_.push_back(same < i ? own_of_[same] : static_cast<std::int32_t>(count_++));
  }
}

std::uint32_t Tenants::draw(std::size_t class_index, Rng& rng) const {
  if (own_of_[class_index] >= 0) return static_cast<std::uint32_t>(own_of_[class_index]);
  const auto found =
      std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, rng.uniform(0, 1));
  return static_cast<std::uint32_t>(found - cumulative_.begin());
}

std::uint64_t Tenants::hash(std::uint32_t tenant) { return mixed(0x7465'6e61'6e74U, tenant + 1); }

std::uint32_t Tenants::cohort(std::uint32_t tenant, std::uint32_t host) {
  return static_cast<std::uint32_t>(mixed(hash(tenant), host) % kCohortCount);
}

Arrivals::Arrivals(const Scenario& scenario, const Timeline& timeline, const Tenants& tenants,
                   std::size_t class_index, std::uint64_t seed)
    : class_(scenario.classes[class_index]),
      tenants_(tenants),
      class_index_(static_cast<std::uint32_t>(class_index)),
      kind_(scenario.arrivals),
      batch_(scenario.arrivals == ArrivalKind::batches ? scenario.batch : 1),
      rng_(mixed(seed, class_index + 1)) {
  double sum = 0;
  for (std::size_t i = 0; i < kTierCount; ++i) tiers_until_[i] = sum += class_.tiers[i];
  for (double& value : tiers_until_) value /= sum;

  std::vector<Duration> begins = {Duration::zero()};
  for (const Duration change : timeline.changes()) {
    if (change > Duration::zero() && change < scenario.length) begins.push_back(change);
  }
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const Duration end = i + 1 < begins.size() ? begins[i + 1] : scenario.length;
    const double per_s = timeline.rate(class_index, begins[i]) / batch_;
    steps_.push_back({to_seconds(begins[i]), to_seconds(end), per_s});
  }
}

Duration Arrivals::next() {
  double left = kind_ == ArrivalKind::constant ? 1 : draw_exponential(rng_);
  for (; step_ < steps_.size(); ++step_) {
    const Step& step = steps_[step_];
    position_s_ = std::max(position_s_, step.begin_s);
    const double holds = (step.end_s - position_s_) * step.per_s;
    if (left < holds) {
      position_s_ += left / step.per_s;
      return Duration(static_cast<std::int64_t>(position_s_ * 1e9));
    }
    left -= holds;
  }
  return Duration::max();
}

Request Arrivals::draw(TimePoint now) {
  Request request = {.class_index = class_index_, .statements = class_.statements, .arrived = now};
  const double at = rng_.uniform(0, 1);
  std::size_t tier = 0;
  while (tier + 1 < kTierCount && at >= tiers_until_[tier]) ++tier;
  request.tier = static_cast<Tier>(tier);
  request.tenant = tenants_.draw(class_index_, rng_);
  request.work =
      std::chrono::duration_cast<Duration>(class_.work * draw_service(class_.service, rng_));
  request.host = static_cast<std::uint32_t>(rng_.next() % Tenants::kHosts);
  if (class_.rows > 1) request.row = static_cast<std::uint32_t>(rng_.next() % class_.rows);
  return request;
}

}  // namespace loadline::simulator
