// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/metrics.h"

#include <algorithm>
#include <cmath>

namespace loadline::simulator {
namespace {

constexpr double kRecovered = 0.9;
constexpr std::size_t kRecoveryMoments = 30;
constexpr std::size_t kWriteWindowMoments = 50;
// The oracle's share that counts as all: those who come last may have no time left.
constexpr double kEverything = 0.998;

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::size_t moments_of(const Scenario& scenario, const Record& record) {
  return std::min(record.moments.size(), static_cast<std::size_t>(scenario.length / kMomentLength));
}

std::optional<double> jain(const Record& record) {
  std::vector<double> demands;
  double total = 0;
  for (const GroupCount& tenant : record.tenants) {
    if (tenant.offered > 0) demands.push_back(static_cast<double>(tenant.offered));
    total += static_cast<double>(tenant.good);
  }
  if (demands.size() < 2 || total <= 0) return std::nullopt;
  const double share = fair_share(demands, total);
  double sum = 0;
  double squares = 0;
  for (const GroupCount& tenant : record.tenants) {
    if (tenant.offered == 0) continue;
    const double got =
        static_cast<double>(tenant.good) / std::min(static_cast<double>(tenant.offered), share);
    sum += got;
    squares += got * got;
  }
  return sum * sum / (static_cast<double>(demands.size()) * squares);
}

// The standard deviation over the mean.
double deviation(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  const double count = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  const double mean = sum / count;
  return ratio(std::sqrt(std::max(0.0, squares / count - mean * mean)), mean);
}

double accept_deviation(const Record& record, std::size_t moments) {
  std::vector<double> admitted;
  for (std::size_t i = 0; i < moments; ++i) admitted.push_back(record.moments[i].admitted);
  return deviation(admitted);
}

std::optional<ReplicaMetrics> replica_metrics(const Scenario& scenario, const Record& record,
                                              std::size_t moments) {
  if (scenario.replica.apply_speed <= 0) return std::nullopt;
  ReplicaMetrics metrics;
  for (std::size_t i = 0; i < moments; ++i) {
    const double lag_s = record.moments[i].lag_s;
    metrics.lag_max_s = std::max(metrics.lag_max_s, lag_s);
    if (i >= moments - moments / 4) metrics.lag_late_s = std::max(metrics.lag_late_s, lag_s);
  }
  std::vector<double> windows;
  for (std::size_t i = moments / 2; i + kWriteWindowMoments <= moments; i += kWriteWindowMoments) {
    double admitted = 0;
    for (std::size_t m = i; m < i + kWriteWindowMoments; ++m) {
      admitted += record.moments[m].writes_admitted;
    }
    windows.push_back(admitted);
  }
  metrics.write_deviation = deviation(windows);
  return metrics;
}

std::optional<double> recovery_s(const Scenario& scenario, const Record& record,
                                 const OracleBounds& oracle, std::size_t moments) {
  const auto end = disturbance_end(scenario);
  if (!end) return std::nullopt;
  const auto first = static_cast<std::size_t>((*end + kMomentLength - Duration(1)) / kMomentLength);
  constexpr std::size_t kStepsPerMoment = kMomentLength / kOracleStep;
  for (std::size_t m = first; m + kRecoveryMoments <= moments; ++m) {
    double good = 0;
    double possible = 0;
    for (std::size_t i = m; i < m + kRecoveryMoments; ++i) {
      good += record.moments[i].good;
      for (std::size_t s = i * kStepsPerMoment; s < (i + 1) * kStepsPerMoment; ++s) {
        if (s < oracle.good_by_arrival.size()) possible += oracle.good_by_arrival[s];
      }
    }
    if (good >= kRecovered * possible)
      return to_seconds(kMomentLength * static_cast<int>(m) - *end);
  }
  return -1;
}

double limit_mean(const Record& record, std::size_t moments) {
  double sum = 0;
  for (std::size_t i = moments / 2; i < moments; ++i) sum += record.moments[i].limit;
  const double mean = ratio(sum, static_cast<double>(moments - moments / 2));
  return std::isfinite(mean) ? mean : 0;
}

}  // namespace

double fair_share(std::vector<double> demands, double total) {
  std::sort(demands.begin(), demands.end());
  for (std::size_t i = 0; i < demands.size(); ++i) {
    const double share = total / static_cast<double>(demands.size() - i);
    if (demands[i] >= share) return share;
    total -= demands[i];
  }
  return demands.empty() ? 0 : demands.back();
}

Metrics metrics_of(const Scenario& scenario, const Record& record, const OracleBounds& oracle) {
  Metrics metrics;
  double good = 0;
  double utility = 0;
  std::array<GroupCount, kTierCount> tiers = {};
  for (std::size_t i = 0; i < record.groups.size(); ++i) {
    const GroupCount& group = record.groups[i];
    tiers[i % kTierCount].offered += group.offered;
    tiers[i % kTierCount].good += group.good;
    good += static_cast<double>(group.good);
    utility += static_cast<double>(group.good) * kTierUtility[i % kTierCount];
  }
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    if (tiers[tier].offered == 0) continue;
    metrics.tier_success[tier] =
        static_cast<double>(tiers[tier].good) / static_cast<double>(tiers[tier].offered);
  }
  const double length_s = to_seconds(scenario.length);
  const std::size_t moments = moments_of(scenario, record);
  metrics.offered_per_s = oracle.offered / length_s;
  metrics.goodput_per_s = good / length_s;
  metrics.goodput_ratio = ratio(good, oracle.good);
  metrics.utility_ratio = ratio(utility, oracle.utility);
  metrics.oracle_success = oracle.success();
  metrics.jain = jain(record);
  metrics.accept_deviation = accept_deviation(record, moments);
  metrics.recovery_s = recovery_s(scenario, record, oracle, moments);
  metrics.wasted_work = ratio(record.wasted_work_s, record.work_s);
  if (oracle.success() >= kEverything) {
    metrics.false_sheds =
        ratio(static_cast<double>(record.shed), static_cast<double>(record.attempts));
  }
  metrics.waiting_mean = record.waiting.mean();
  metrics.waiting_p99 = record.waiting.quantile(0.99);
  metrics.waiting_max = record.waiting.max();
  metrics.at_processors = record.at_processors;
  metrics.limit_mean = limit_mean(record, moments);
  metrics.replica = replica_metrics(scenario, record, moments);
  return metrics;
}

}  // namespace loadline::simulator
