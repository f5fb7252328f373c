// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/timeline.h"

#include <algorithm>
#include <cmath>

namespace loadline::simulator {
namespace {

using Kind = Event::Kind;

double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

bool is_during(const Event& event, Duration since) {
  if (since < event.from) return false;
  const Duration into =
      event.every > Duration::zero() ? (since - event.from) % event.every : since - event.from;
  return into < event.to - event.from;
}

bool is_weighted(const LoadClass& load_class) {
  return load_class.load == 0 && load_class.rate == 0;
}

double cold_factor(const Event& event, Duration since) {
  const Duration begin = event.kind == Kind::restart ? event.to : event.from;
  if (since < begin || event.length <= Duration::zero()) return 1;
  return 1 + (event.value - 1) * std::exp(-to_seconds(since - begin) / to_seconds(event.length));
}

}  // namespace

Timeline::Timeline(const Scenario& scenario)
    : scenario_(scenario), capacity_per_s_(loadline::simulator::capacity_per_s(scenario)) {
  for (const LoadClass& load_class : scenario.classes) {
    if (is_weighted(load_class)) weights_ += load_class.weight;
  }
  for (const Event& event : scenario.events) {
    has_cold_cache_ |= event.kind == Kind::cold_cache ||
                       (event.kind == Kind::restart && event.length > Duration::zero());
    const Duration last = event.every > Duration::zero() ? scenario.length : event.from;
    for (Duration begin = event.from; begin <= last; begin += event.every) {
      changes_.push_back(begin);
      if (event.to > event.from) changes_.push_back(begin + (event.to - event.from));
      if (event.every <= Duration::zero()) break;
    }
  }
  std::sort(changes_.begin(), changes_.end());
  changes_.erase(std::unique(changes_.begin(), changes_.end()), changes_.end());
}

double Timeline::capacity(Duration since) const {
  double share = 1;
  for (const Event& event : scenario_.events) {
    if (event.kind == Kind::capacity && is_during(event, since)) share *= event.value;
    if (event.kind == Kind::restart && is_during(event, since)) share = 0;
  }
  return share;
}

double Timeline::work_factor(Duration since) const {
  double factor = 1;
  if (!has_cold_cache_) return factor;
  for (const Event& event : scenario_.events) {
    if (event.kind == Kind::cold_cache || event.kind == Kind::restart) {
      factor *= cold_factor(event, since);
    }
  }
  return factor;
}

bool Timeline::refuses_connections(Duration since) const {
  return std::any_of(scenario_.events.begin(), scenario_.events.end(), [&](const Event& event) {
    return event.kind == Kind::restart && is_during(event, since);
  });
}

double Timeline::replica_speed(Duration since) const {
  double share = 1;
  for (const Event& event : scenario_.events) {
    if (event.kind == Kind::replica && is_during(event, since)) share *= event.value;
  }
  return share * scenario_.replica.apply_speed;
}

Duration Timeline::io(std::size_t class_index, Duration since) const {
  const LoadClass& load_class = scenario_.classes[class_index];
  Duration mean = load_class.io;
  for (const Event& event : scenario_.events) {
    if (event.kind != Kind::io || since < event.from) continue;
    const bool is_meant = event.of.empty() ? load_class.io > Duration::zero()  //
                                           : event.of == load_class.name;
    if (is_meant) mean = event.length;
  }
  return mean;
}

double Timeline::weight(std::size_t class_index, Duration since) const {
  const LoadClass& load_class = scenario_.classes[class_index];
  double weight = load_class.weight;
  for (const Event& event : scenario_.events) {
    if (event.kind == Kind::mix && event.of == load_class.name && since >= event.from) {
      weight = event.value;
    }
  }
  return weight;
}

double Timeline::rate(std::size_t class_index, Duration since) const {
  if (since >= scenario_.length) return 0;
  const LoadClass& load_class = scenario_.classes[class_index];
  double rate = load_class.rate;
  if (load_class.load > 0) {
    rate = load_class.load * knee_of(scenario_.database).speed /
           (to_seconds(load_class.work) * load_class.statements);
  } else if (is_weighted(load_class) && weights_ > 0) {
    // A change of the mix keeps the number of operations, not their work: nobody waits for the
    // others to send less.
    double weights = 0;
    for (std::size_t i = 0; i < scenario_.classes.size(); ++i) {
      if (is_weighted(scenario_.classes[i])) weights += weight(i, since);
    }
    const double total = scenario_.rate > 0 ? scenario_.rate : scenario_.load * capacity_per_s_;
    rate = weights > 0 ? total * weight(class_index, since) / weights : 0;
  }
  for (const Event& event : scenario_.events) {
    const bool is_meant = event.of.empty() || event.of == load_class.name;
    if (event.kind == Kind::load && is_meant && is_during(event, since)) rate *= event.value;
  }
  return rate;
}

}  // namespace loadline::simulator
