// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/database.h"

namespace loadline::simulator {
namespace {

// The station knows jobs by even ids, and what is nobody's by odd ones.
std::uint32_t station_id(std::uint32_t job) { return job * 2; }
std::uint32_t background_id(std::uint32_t index) { return index * 2 + 1; }

}  // namespace

void Database::start(std::uint32_t job, const Statement& statement, TimePoint now) {
  if (jobs_.size() <= job) jobs_.resize(std::size_t{job} + 1);
  jobs_[job].statement = statement;
  if (statement.io_first && statement.io > Duration::zero()) {
    return enter_disk(job, Phase::disk_first, now);
  }
  want_lock(job, now);
}

void Database::cancel(std::uint32_t job, TimePoint now) {
  Job& entry = jobs_[job];
  if (entry.phase == Phase::processors) station_.remove(station_id(job), now);
  if (entry.phase == Phase::locked_out) {
    locks_.leave(static_cast<std::uint32_t>(entry.statement.lock), job);
  }
  ++entry.use;
  entry.phase = Phase::idle;
}

void Database::end_transaction(std::uint32_t job, TimePoint now) {
  // One that was refused at the door has never been here.
  if (job < jobs_.size() && jobs_[job].has_lock) release_lock(jobs_[job], now);
}

void Database::start_background(Duration work, TimePoint now) {
  if (background_free_.empty()) background_free_.push_back(background_count_++);
  station_.start(background_id(background_free_.back()), work, now);
  background_free_.pop_back();
}

void Database::restart(TimePoint now) {
  station_.clear(now);
  locks_.clear();
  disk_.clear();
  for (Job& job : jobs_) {
    job.phase = Phase::idle;
    job.has_lock = false;
  }
  background_free_.clear();
  background_count_ = 0;
}

std::uint32_t Database::step(TimePoint now) {
  if (station_.completion_at() <= disk_.next_at()) {
    const std::uint32_t id = station_.finish(now);
    if (id % 2 == 0) return on_processed(id / 2, now);
    background_free_.push_back(id / 2);
    return kNone;
  }
  const DiskAnswer answer = disk_.pop();
  Job& entry = jobs_[answer.job];
  if (entry.use != answer.use) return kNone;
  if (entry.phase == Phase::disk_first) {
    want_lock(answer.job, now);
    return kNone;
  }
  entry.phase = Phase::idle;
  return answer.job;
}

void Database::want_lock(std::uint32_t job, TimePoint now) {
  Job& entry = jobs_[job];
  if (entry.statement.lock != Statement::kNoLock && !entry.has_lock) {
    if (!locks_.acquire(static_cast<std::uint32_t>(entry.statement.lock), job)) {
      entry.phase = Phase::locked_out;
      return;
    }
    entry.has_lock = true;
  }
  enter_processors(job, now);
}

void Database::enter_processors(std::uint32_t job, TimePoint now) {
  jobs_[job].phase = Phase::processors;
  station_.start(station_id(job), jobs_[job].statement.work, now);
}

void Database::enter_disk(std::uint32_t job, Phase phase, TimePoint now) {
  Job& entry = jobs_[job];
  entry.phase = phase;
  disk_.push(now + entry.statement.io, {job, ++entry.use});
}

void Database::release_lock(Job& job, TimePoint now) {
  job.has_lock = false;
  const auto next = locks_.release(static_cast<std::uint32_t>(job.statement.lock));
  if (!next) return;
  jobs_[*next].has_lock = true;
  enter_processors(*next, now);
}

std::uint32_t Database::on_processed(std::uint32_t job, TimePoint now) {
  Job& entry = jobs_[job];
  if (entry.has_lock && !entry.statement.lock_to_end) release_lock(entry, now);
  if (!entry.statement.io_first && entry.statement.io > Duration::zero()) {
    enter_disk(job, Phase::disk_last, now);
    return kNone;
  }
  entry.phase = Phase::idle;
  return job;
}

}  // namespace loadline::simulator
