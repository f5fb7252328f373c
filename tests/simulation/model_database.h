// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "shedder/clock.h"

namespace loadline {

// A database as queueing theory sees it: a station that all active operations share equally. With n
// active each progresses at speed(n) of its speed alone, so an operation of work w takes w /
// speed(n) when n stays put.
class ModelDatabase {
 public:
  // Speed of each operation among n, 0..1.
  using Law = std::function<double(std::uint32_t)>;

  explicit ModelDatabase(Law law) : law_(std::move(law)) {}

  void start(std::size_t id, Duration work, TimePoint now);
  // Takes out one that is done at `now`. Requires completion_at() <= now.
  std::size_t finish(TimePoint now);
  // When the next one is done if nothing changes; TimePoint::max() if never.
  [[nodiscard]] TimePoint completion_at() const;
  // Share of its speed that the machine has from now on; 0 is a freeze.
  void set_capacity(double share, TimePoint now);

  [[nodiscard]] std::uint32_t active() const { return static_cast<std::uint32_t>(jobs_.size()); }

  // The universal scalability law (Gunther): contention sigma, crosstalk kappa.
  [[nodiscard]] static Law scalability(double sigma, double kappa);
  // So many processors, each operation on one.
  [[nodiscard]] static Law processors(double count);

 private:
  struct Job {
    double ends;  // In progress: see below.
    std::uint64_t order;
    std::size_t id;
    bool operator>(const Job& other) const {
      return ends != other.ends ? ends > other.ends : order > other.order;
    }
  };

  void advance(TimePoint now);
  [[nodiscard]] double speed() const;

  Law law_;
  double capacity_ = 1;
  // Nanoseconds of work done so far by one that would have been here from the start: all progress
  // alike, so each ends when this reaches the value at its start plus its work.
  double progress_ = 0;
  TimePoint now_ = {};
  std::uint64_t started_ = 0;
  std::priority_queue<Job, std::vector<Job>, std::greater<>> jobs_;
};

}  // namespace loadline
