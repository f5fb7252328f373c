// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/row_locks.h"
#include "proxy/simulator/station.h"
#include "proxy/simulator/time_heap.h"

namespace loadline::simulator {

// What one statement needs.
struct Statement {
  Duration work = {};           // At the processors.
  Duration io = {};             // At the disk, which serves any number at once.
  bool io_first = false;        // The disk before the processors.
  std::int32_t lock = kNoLock;  // Wanted before the processors, held while there.
  bool lock_to_end = false;     // Held until end_transaction().

  static constexpr std::int32_t kNoLock = -1;
};

// The modelled database: statements go through locks, processors and disk. A job is a backend that
// executes statements one after the other.
class Database {
 public:
  Database(const SpeedLaw& law, std::uint32_t lock_count) : station_(law), locks_(lock_count) {}

  // Requires a job without a running statement. Ids index a table: keep them small.
  void start(std::uint32_t job, const Statement& statement, TimePoint now);
  // Stops a running statement; the transaction goes on until end_transaction().
  void cancel(std::uint32_t job, TimePoint now);
  // Gives back what the job's transaction holds. Required after its last statement.
  void end_transaction(std::uint32_t job, TimePoint now);
  // Work that is nobody's: of new backends, for one.
  void start_background(Duration work, TimePoint now);
  // Everything that runs is gone, and every lock is free.
  void restart(TimePoint now);
  void set_capacity(double share, TimePoint now) { station_.set_capacity(share, now); }

  [[nodiscard]] TimePoint next_at() const {
    return std::min(station_.completion_at(), disk_.next_at());
  }
  // Does the next thing that is due. Returns the job whose statement has ended, or kNone. Requires
  // next_at() <= now.
  std::uint32_t step(TimePoint now);

  [[nodiscard]] const Station& station() const { return station_; }

  static constexpr std::uint32_t kNone = UINT32_MAX;

 private:
  enum class Phase : std::uint8_t { idle, disk_first, locked_out, processors, disk_last };
  struct Job {
    Statement statement = {};
    Phase phase = Phase::idle;
    bool has_lock = false;
    std::uint32_t use = 0;  // Tells a disk's answer to an earlier statement.
  };
  struct DiskAnswer {
    std::uint32_t job;
    std::uint32_t use;
  };

  void want_lock(std::uint32_t job, TimePoint now);
  void enter_processors(std::uint32_t job, TimePoint now);
  void enter_disk(std::uint32_t job, Phase phase, TimePoint now);
  void release_lock(Job& job, TimePoint now);
  std::uint32_t on_processed(std::uint32_t job, TimePoint now);

  Station station_;
  RowLocks locks_;
  TimeHeap<DiskAnswer> disk_;
  std::vector<Job> jobs_;
  std::vector<std::uint32_t> background_free_;
  std::uint32_t background_count_ = 0;
};

}  // namespace loadline::simulator
