// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/speed_law.h"
#include "shedder/clock.h"

namespace loadline::simulator {

// The processors, as queueing theory sees them: all jobs share them equally. With n jobs each
// progresses at c f(n) of its speed alone, c being the capacity the machine has.
//
// All progress alike, so what one job would have done that had been here from the start (progress_)
// orders the ends of all of them: a start or an end is O(log n), whatever happens to the speed.
class Station {
 public:
  explicit Station(const SpeedLaw& law) : speeds_(law) {}

  // Requires an id that isn't here. Ids index a table: keep them small.
  void start(std::uint32_t id, Duration work, TimePoint now);
  // Takes out the next one that is done. Requires completion_at() <= now.
  std::uint32_t finish(TimePoint now);
  // Takes out one that isn't done.
  void remove(std::uint32_t id, TimePoint now);
  void clear(TimePoint now);
  // Share of its speed that the machine has from now on; 0 is a freeze.
  void set_capacity(double share, TimePoint now);

  // When the next one is done if nothing changes; TimePoint::max() if never.
  [[nodiscard]] TimePoint completion_at() const { return completion_at_; }
  [[nodiscard]] std::uint32_t jobs() const { return jobs_; }
  // Integral of jobs() over time, in job-seconds.
  [[nodiscard]] double job_seconds(TimePoint now) const;

 private:
  struct Job {
    double ends;  // In progress.
    std::uint64_t order;
    std::uint32_t id;
  };
  static bool is_later(const Job& a, const Job& b) {
    return a.ends != b.ends ? a.ends > b.ends : a.order > b.order;
  }

  void advance(TimePoint now);
  void plan();

  SpeedTable speeds_;
  double capacity_ = 1;
  double progress_ = 0;  // In nanoseconds of work.
  double speed_ = 0;     // Progress per nanosecond.
  TimePoint now_ = {};
  TimePoint completion_at_ = TimePoint::max();
  std::uint32_t jobs_ = 0;
  double job_seconds_ = 0;
  std::uint64_t started_ = 0;
  std::vector<Job> heap_;              // Removed ones stay until they reach the top.
  std::vector<std::uint64_t> orders_;  // By id: of the present job, or 0.
};

}  // namespace loadline::simulator
