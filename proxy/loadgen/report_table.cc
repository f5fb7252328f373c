// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string_view>

#include "proxy/loadgen/report.h"

namespace loadline::loadgen {
namespace {

// Three digits, in milliseconds; a dash for none.
std::string milliseconds(const Histogram& histogram, double fraction) {
  if (histogram.count() == 0) return "-";
  const double value =
      std::chrono::duration<double, std::milli>(histogram.quantile(fraction)).count();
  return fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

std::string line_of(std::string_view phase, std::string_view name, double seconds,
                    const Tally& tally) {
  const double divisor = seconds > 0 ? seconds : 1;
  return fmt::format(
      "{:<10} {:<14} {:>9.1f} {:>9.1f} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} | {:>7} {:>7} "
      "{:>7} "
      "{:>7} | {:>7}\n",
      phase, name, static_cast<double>(tally.offered) / divisor,
      static_cast<double>(tally.count(Outcome::good)) / divisor, tally.count(Outcome::late),
      tally.count(Outcome::shed), tally.count(Outcome::error), tally.count(Outcome::timeout),
      tally.count(Outcome::unsent), tally.count(Outcome::unfinished), tally.retries,
      milliseconds(tally.good, 0.5), milliseconds(tally.good, 0.9), milliseconds(tally.good, 0.99),
      milliseconds(tally.good, 0.999), milliseconds(tally.shed, 0.99));
}

std::string errors_of(const ReportInput& input) {
  std::map<std::string, std::uint64_t> sqlstates;
  for (std::size_t p = 0; p < input.scenario.phases.size(); ++p) {
    for (const auto& [code, count] : tally_of_all(input, p).sqlstates) sqlstates[code] += count;
  }
  std::string out;
  const auto add = [&out](std::string_view what, const auto& counts) {
    if (counts.empty()) return;
    out += fmt::format("{}:", what);
    for (const auto& [code, count] : counts) out += fmt::format(" {} x{}", code, count);
    out += "\n";
  };
  add("failed attempts by SQLSTATE, whole run", sqlstates);
  add("failed logins by SQLSTATE", input.result.tally.connections.failed);
  return out;
}

}  // namespace

std::string to_table(const ReportInput& input) {
  std::string out = fmt::format(
      "{:<10} {:<14} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} | {:^31} | {:>7}\n"
      "{:<10} {:<14} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} | {:>7} {:>7} {:>7} "
      "{:>7} | "
      "{:>7}\n",
      "", "", "offered", "good", "", "", "", "", "", "", "", "good, ms", "shed ms", "phase",
      "class", "per s", "per s", "late", "shed", "error", "timeout", "unsent", "cut off", "retries",
      "p50", "p90", "p99", "p99.9", "p99");
  for (std::size_t p = 0; p < input.scenario.phases.size(); ++p) {
    const Phase& phase = input.scenario.phases[p];
    if (!phase.measured) continue;
    const double seconds = seconds_run(input, p);
    for (std::size_t c = 0; c < input.scenario.classes.size(); ++c) {
      out +=
          line_of(phase.name, input.scenario.classes[c].name, seconds, input.result.tally.of(c, p));
    }
    if (input.scenario.classes.size() > 1) {
      out += line_of(phase.name, "*", seconds, tally_of_all(input, p));
    }
  }
  if (input.scenario.mode == LoadMode::closed) {
    const std::size_t best = best_phase(input);
    out += fmt::format("capacity: {:.1f} good answers per second at a concurrency of {}\n",
                       static_cast<double>(tally_of_all(input, best).count(Outcome::good)) /
                           std::max(seconds_run(input, best), 1e-9),
                       input.scenario.phases[best].concurrency);
  }
  out += errors_of(input);
  const Histogram& lag = input.result.tally.lag;
  if (lag.count() > 0) {  // Closed mode has no plan to lag behind.
    out += fmt::format("generator: lag p99 {} ms, max {} ms\n", milliseconds(lag, 0.99),
                       milliseconds(lag, 1));
  }
  if (input.result.interrupted) out += "interrupted: the figures end early\n";
  for (const std::string& warning : input.result.warnings) {
    out += fmt::format("warning: {}\n", warning);
  }
  return out;
}

}  // namespace loadline::loadgen
