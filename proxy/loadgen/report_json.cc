// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/loadgen/report.h"

namespace loadline::loadgen {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;  // Grows when a member changes its meaning or goes away.

double to_milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}
double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Json to_json(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"mean", to_milliseconds(histogram.mean())},
          {"p50", to_milliseconds(histogram.quantile(0.5))},
          {"p90", to_milliseconds(histogram.quantile(0.9))},
          {"p99", to_milliseconds(histogram.quantile(0.99))},
          {"p999", to_milliseconds(histogram.quantile(0.999))},
          {"max", to_milliseconds(histogram.max())}};
}

template <typename Counts>
void put_counts(const Counts& tally, Json& out) {
  out["offered"] = tally.offered;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    out[std::string(kOutcomeNames[i])] = tally.outcomes[i];
  }
  out["retries"] = tally.retries;
  out["shed_attempts"] = tally.shed_attempts;
}

std::string_view text_of(TimeoutAction action) {
  return action == TimeoutAction::cancel  ? "cancel"
         : action == TimeoutAction::close ? "close"
                                          : "wait";
}
std::string_view text_of(wire::QueryMode mode) {
  return mode == wire::QueryMode::simple     ? "simple"
         : mode == wire::QueryMode::extended ? "extended"
                                             : "prepared";
}

Json class_to_json(const LoadClass& c) {
  return {{"name", c.name},
          {"tier", c.tier},
          {"tenant", c.tenant},
          {"application_name", c.application_name},
          {"rate", c.rate},
          {"deadline_ms", to_milliseconds(c.deadline)},
          {"attempt_timeout_ms", to_milliseconds(c.attempt_timeout)},
          {"attempts_max", c.retry.attempts_max},
          {"connections", c.connections}};
}

Json phases_to_json(const Scenario& scenario) {
  Json out = Json::array();
  Duration begin = {};
  for (const Phase& phase : scenario.phases) {
    out.push_back({{"name", phase.name},
                   {"multiplier", phase.multiplier},
                   {"concurrency", phase.concurrency},
                   {"begin_s", to_seconds(begin)},
                   {"duration_s", to_seconds(phase.duration)},
                   {"measured", phase.measured}});
    begin += phase.duration;
  }
  return out;
}

Json scenario_to_json(const Scenario& scenario) {
  Json out = {{"mode", scenario.mode == LoadMode::open ? "open" : "closed"},
              {"arrivals", scenario.arrivals == ArrivalKind::poisson ? "poisson" : "constant"},
              {"seed", scenario.seed},
              {"threads", scenario.threads},
              {"on_timeout", text_of(scenario.on_timeout)},
              {"query_mode", text_of(scenario.query_mode)},
              {"shed_sqlstates", scenario.shed_sqlstates},
              {"classes", Json::array()},
              {"phases", phases_to_json(scenario)}};
  for (const LoadClass& load_class : scenario.classes) {
    out["classes"].push_back(class_to_json(load_class));
  }
  return out;
}

Json result_to_json(const Tally& tally, double seconds) {
  Json out = Json::object();
  put_counts(tally, out);
  out["attempts"] = tally.attempts;
  out["sqlstates"] = tally.sqlstates;
  const double divisor = seconds > 0 ? seconds : 1;
  out["offered_per_s"] = static_cast<double>(tally.offered) / divisor;
  out["goodput_per_s"] = static_cast<double>(tally.count(Outcome::good)) / divisor;
  out["latency_good_ms"] = to_json(tally.good);
  out["latency_answered_ms"] = to_json(tally.answered);
  out["time_to_shed_ms"] = to_json(tally.shed);
  return out;
}

Json results_to_json(const ReportInput& input) {
  Json out = Json::array();
  const auto add = [&](std::size_t phase, std::string_view name, std::string_view tier,
                       const Tally& tally) {
    Json row = {{"phase", input.scenario.phases[phase].name},
                {"phase_index", phase},
                {"measured", input.scenario.phases[phase].measured},
                {"class", name},
                {"tier", tier}};
    row.update(result_to_json(tally, seconds_run(input, phase)));
    out.push_back(std::move(row));
  };
  for (std::size_t p = 0; p < input.scenario.phases.size(); ++p) {
    for (std::size_t c = 0; c < input.scenario.classes.size(); ++c) {
      const LoadClass& load_class = input.scenario.classes[c];
      add(p, load_class.name, load_class.tier, input.result.tally.of(c, p));
    }
    add(p, "*", "*", tally_of_all(input, p));
  }
  return out;
}

Json series_to_json(const ReportInput& input) {
  Json out = Json::array();
  for (std::size_t second = 0; second < input.result.tally.second_count(); ++second) {
    for (std::size_t c = 0; c < input.scenario.classes.size(); ++c) {
      const SecondTally& tally = input.result.tally.second_at(c, second);
      Json row = {{"second", second}, {"class", input.scenario.classes[c].name}};
      put_counts(tally, row);
      row["good_p50_ms"] = to_milliseconds(tally.good.quantile(0.5));
      row["good_p99_ms"] = to_milliseconds(tally.good.quantile(0.99));
      out.push_back(std::move(row));
    }
  }
  return out;
}

Json generator_to_json(const RunResult& result) {
  return {{"lag_ms", to_json(result.tally.lag)},
          {"cpu_shares", result.cpu_shares},
          {"warnings", result.warnings}};
}

}  // namespace

std::string to_json(const ReportInput& input) {
  const RunResult& result = input.result;
  const ConnectionTally& connections = result.tally.connections;
  const auto started_at = std::chrono::floor<std::chrono::seconds>(result.started_at);
  Json out = {
      {"version", kVersion},
      {"target", input.target},
      {"command", input.command},
      {"started_at", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                                 fmt::gmtime(std::chrono::system_clock::to_time_t(started_at)))},
      {"elapsed_s", to_seconds(result.elapsed)},
      {"interrupted", result.interrupted},
      {"scenario", scenario_to_json(input.scenario)},
      {"generator", generator_to_json(result)},
      {"connections",
       {{"opened", connections.opened},
        {"lost", connections.lost},
        {"cancels", connections.cancels},
        {"failed", connections.failed}}},
      {"results", results_to_json(input)},
      {"series", series_to_json(input)}};
  if (input.scenario.mode == LoadMode::closed) {
    const std::size_t best = best_phase(input);
    const double seconds = std::max(seconds_run(input, best), 1e-9);
    const auto good = static_cast<double>(tally_of_all(input, best).count(Outcome::good));
    out["capacity"] = {{"concurrency", input.scenario.phases[best].concurrency},
                       {"goodput_per_s", good / seconds}};
  }
  // Text that came in through arguments need not be UTF-8.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace loadline::loadgen
