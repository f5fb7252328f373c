// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "proxy/simulator/report.h"
#include "shedder/names.h"

namespace loadline::simulator {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;  // Grows when a member changes its meaning or goes away.

double to_milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

Json to_json(const loadgen::Histogram& histogram) {
  return {{"count", histogram.count()},
          {"p50", to_milliseconds(histogram.quantile(0.5))},
          {"p99", to_milliseconds(histogram.quantile(0.99))},
          {"max", to_milliseconds(histogram.max())}};
}

Json to_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json tiers_to_json(const RunResult& run) {
  Json out = Json::object();
  for (std::size_t i = 0; i < kTierCount; ++i) {
    if (!run.metrics.tier_success[i]) continue;
    std::uint64_t offered = 0;
    for (std::size_t group = i; group < run.record.groups.size(); group += kTierCount) {
      offered += run.record.groups[group].offered;
    }
    out[std::string(to_string(static_cast<Tier>(i)))] = {
        {"offered", offered},
        {"success", *run.metrics.tier_success[i]},
        {"latency_ms", to_json(run.record.tier_latency[i])}};
  }
  return out;
}

Json classes_to_json(const Scenario& scenario, const Record& record) {
  Json out = Json::object();
  for (std::size_t i = 0; i < record.shed_by_group.size() / kTierCount; ++i) {
    GroupCount sum;
    std::uint64_t shed = 0;
    for (std::size_t tier = 0; tier < kTierCount; ++tier) {
      sum.offered += record.groups[i * kTierCount + tier].offered;
      sum.good += record.groups[i * kTierCount + tier].good;
      shed += record.shed_by_group[i * kTierCount + tier];
    }
    out[scenario.classes[i].name] = {{"offered", sum.offered}, {"good", sum.good}, {"shed", shed}};
  }
  return out;
}

Json refusals_to_json(const Record& record) {
  Json out = {{"time_ms", to_json(record.refused)}};
  for (std::size_t i = 0; i < kShedReasonCount; ++i) {
    const RefusalCount& count = record.refusals[i];
    if (count.at_offer + count.late == 0) continue;
    out[std::string(to_string(static_cast<ShedReason>(i)))] = {
        {"at_offer", count.at_offer}, {"late", count.late}, {"time_ms", to_json(count.waited)}};
  }
  return out;
}

Json to_json(const std::optional<ReplicaMetrics>& replica) {
  if (!replica) return {};
  return {{"lag_max_s", replica->lag_max_s},
          {"lag_late_s", replica->lag_late_s},
          {"write_deviation", replica->write_deviation}};
}

Json series_to_json(const Record& record) {
  Json out = {{"step_ms", to_milliseconds(kMomentLength)}};
  const auto add = [&](const char* name, auto get) {
    Json values = Json::array();
    for (const Moment& moment : record.moments) values.push_back(get(moment));
    out[name] = std::move(values);
  };
  add("offered", [](const Moment& m) { return m.offered; });
  add("attempts", [](const Moment& m) { return m.attempts; });
  add("admitted", [](const Moment& m) { return m.admitted; });
  add("shed", [](const Moment& m) { return m.shed; });
  add("good", [](const Moment& m) { return m.good; });
  add("limit", [](const Moment& m) { return std::isfinite(m.limit) ? Json(m.limit) : Json(); });
  add("active", [](const Moment& m) { return m.active; });
  add("waiting", [](const Moment& m) { return m.waiting; });
  add("lag_s", [](const Moment& m) { return m.lag_s; });
  add("writes_admitted", [](const Moment& m) { return m.writes_admitted; });
  add("latency_ms",
      [](const Moment& m) { return m.good > 0 ? Json(1000 * m.latency_s / m.good) : Json(); });
  return out;
}

Json run_to_json(const Scenario& scenario, const RunResult& run) {
  const Metrics& m = run.metrics;
  const Record& record = run.record;
  return {{"seed", run.seed},
          {"offered_per_s", m.offered_per_s},
          {"goodput_per_s", m.goodput_per_s},
          {"goodput_ratio", m.goodput_ratio},
          {"utility_ratio", m.utility_ratio},
          {"oracle_success", m.oracle_success},
          {"tiers", tiers_to_json(run)},
          {"classes", classes_to_json(scenario, record)},
          {"latency_ms", to_json(record.latency)},
          {"jain", to_json(m.jain)},
          {"accept_deviation", m.accept_deviation},
          {"recovery_s", to_json(m.recovery_s)},
          {"wasted_work", m.wasted_work},
          {"false_sheds", to_json(m.false_sheds)},
          {"waiting", {{"mean", m.waiting_mean}, {"p99", m.waiting_p99}, {"max", m.waiting_max}}},
          {"at_processors", m.at_processors},
          {"limit_mean", m.limit_mean},
          {"replica", to_json(m.replica)},
          {"attempts", record.attempts},
          {"admitted", record.admitted},
          {"shed", record.shed},
          {"failed", record.failed},
          {"unfinished", record.unfinished},
          {"refusals", refusals_to_json(record)},
          {"events", record.events},
          {"series", series_to_json(record)}};
}

}  // namespace

std::string to_json(const std::vector<ReportRow>& rows) {
  Json cells = Json::array();
  for (const ReportRow& row : rows) {
    Json runs = Json::array();
    for (const RunResult& run : row.result.runs)
      runs.push_back(run_to_json(row.cell.scenario, run));
    const auto& seconds = std::chrono::duration<double>(row.cell.scenario.length);
    cells.push_back({{"scenario", row.cell.scenario.name},
                     {"database", database_name(row.cell.scenario)},
                     {"service", service_name(row.cell.scenario)},
                     {"length_s", seconds.count()},
                     {"policy", row.result.policy.name},
                     {"runs", std::move(runs)}});
  }
  const Json out = {{"version", kVersion}, {"cells", std::move(cells)}};
  // Names come from paths, which need not be UTF-8.
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace loadline::simulator
