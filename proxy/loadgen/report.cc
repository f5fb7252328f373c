// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/report.h"

#include <algorithm>

namespace loadline::loadgen {

Tally tally_of_all(const ReportInput& input, std::size_t phase_index) {
  Tally sum;
  for (std::size_t i = 0; i < input.scenario.classes.size(); ++i) {
    sum.merge(input.result.tally.of(i, phase_index));
  }
  return sum;
}

double seconds_run(const ReportInput& input, std::size_t phase_index) {
  Duration begin = {};
  for (std::size_t i = 0; i < phase_index; ++i) begin += input.scenario.phases[i].duration;
  const Duration planned = input.scenario.phases[phase_index].duration;
  const Duration run = std::clamp(input.result.elapsed - begin, Duration::zero(), planned);
  return std::chrono::duration<double>(run).count();
}

std::size_t best_phase(const ReportInput& input) {
  std::size_t best = 0;
  double best_goodput = -1;
  for (std::size_t i = 0; i < input.scenario.phases.size(); ++i) {
    const double seconds = seconds_run(input, i);
    if (!input.scenario.phases[i].measured || seconds <= 0) continue;
    const double goodput =
        static_cast<double>(tally_of_all(input, i).count(Outcome::good)) / seconds;
    if (goodput > best_goodput) {
      best = i;
      best_goodput = goodput;
    }
  }
  return best;
}

}  // namespace loadline::loadgen
