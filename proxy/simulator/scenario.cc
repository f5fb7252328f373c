// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/scenario.h"

#include <algorithm>

#include "proxy/simulator/traffic.h"

namespace loadline::simulator {

Duration deadline_of(const Scenario& scenario, const LoadClass& load_class) {
  return load_class.deadline > Duration::zero() ? load_class.deadline : scenario.clients.deadline;
}

std::optional<Duration> disturbance_end(const Scenario& scenario) {
  if (scenario.disturbed_until) return scenario.disturbed_until;
  std::optional<Duration> end;
  for (const Event& event : scenario.events) {
    const bool disturbs = event.kind == Event::Kind::capacity || event.kind == Event::Kind::load ||
                          event.kind == Event::Kind::restart;
    if (!disturbs || event.every > Duration::zero() || event.to >= scenario.length) continue;
    end = std::max(end.value_or(Duration::zero()), event.to);
  }
  return end;
}

void take_classes_from_traffic(Scenario& scenario) {
  scenario.classes = scenario.traffic->classes(scenario.database);
  double operations = 0;
  for (const LoadClass& load_class : scenario.classes) operations += load_class.weight;
  scenario.rate = operations / std::chrono::duration<double>(scenario.length).count();
}

double capacity_per_s(const Scenario& scenario) {
  double weights = 0;
  double work_s = 0;
  for (const LoadClass& load_class : scenario.classes) {
    const bool is_weighted = load_class.load == 0 && load_class.rate == 0;
    if (!is_weighted) continue;
    weights += load_class.weight;
    work_s += load_class.weight * load_class.statements *
              std::chrono::duration<double>(load_class.work).count();
  }
  return work_s > 0 ? knee_of(scenario.database).speed * weights / work_s : 0;
}

}  // namespace loadline::simulator
