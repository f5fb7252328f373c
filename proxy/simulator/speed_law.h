// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace loadline::simulator {

// How fast each of n jobs on the processors is, as a share of its speed alone.
struct SpeedLaw {
  enum class Kind : std::uint8_t {
    // The universal scalability law (Gunther): f(n) = 1 / (1 + sigma (n-1) + kappa n (n-1)). With
    // the defaults n f(n) is greatest, 15.7, at n = 44.
    usl,
    // So many processors, each job on one, and thrashing from twice as many jobs on:
    // f(n) = min(1, cores / n) / (1 + thrash (n - 2 cores)+).
    cores,
  };

  Kind kind = Kind::usl;
  double sigma = 0.02;  // Contention.
  double kappa = 5e-4;  // Crosstalk.
  double cores = 16;
  double thrash = 0.004;

  [[nodiscard]] double speed(std::uint32_t jobs) const;

  bool operator==(const SpeedLaw&) const = default;
};

// Where a law's total speed n f(n) is greatest. Of equals, the least.
struct Knee {
  std::uint32_t jobs = 1;
  double speed = 1;  // Seconds of work done in a second.
};
[[nodiscard]] Knee knee_of(const SpeedLaw& law);

// A law's values looked up rather than computed: the event loop asks at every event.
class SpeedTable {
 public:
  explicit SpeedTable(const SpeedLaw& law);

  [[nodiscard]] double speed(std::uint32_t jobs) const {
    return jobs < speeds_.size() ? speeds_[jobs] : law_.speed(jobs);
  }

 private:
  SpeedLaw law_;
  std::vector<double> speeds_;
};

}  // namespace loadline::simulator
