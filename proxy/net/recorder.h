// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/net/counter.h"
#include "proxy/net/unique_fd.h"
#include "proxy/recording/operation_record.h"
#include "proxy/recording/record_ring.h"
#include "proxy/recording/recording_header.h"
#include "proxy/session/environment.h"

namespace loadline::net {

class Recorder;

// What one worker's sessions tell of one upstream's operations. Belongs to the worker's thread.
class RecorderInput final : public session::OperationObserver {
 public:
  RecorderInput(Recorder& recorder, recording::RecordRing& ring, WorkerCounter& dropped,
                std::uint16_t upstream) noexcept
      : recorder_(&recorder), ring_(&ring), dropped_(&dropped), upstream_(upstream) {}

  void on_end(const session::EndedOperation& operation, TimePoint now) noexcept override;

 private:
  Recorder* recorder_;
  recording::RecordRing* ring_;
  WorkerCounter* dropped_;
  std::uint16_t upstream_;
};

// Writes what the workers' operations came to into a file (docs/recording.md). The workers put
// records into rings and never wait; a thread of its own takes them to the file. What finds its
// ring full is counted, not written, and so is everything after the file is full or can't be
// written: the recording ends then, with one line in the log, and nothing else does.
class Recorder {
 public:
  struct Options {
    std::uint64_t size_max = std::uint64_t{1} << 30;
    // Makes tenants and fingerprints of this recording meaningless to anybody else. Secret, random.
    std::uint64_t key = 0;
    std::size_t ring_capacity = 16 * 1024;  // Records per worker; a power of two.
  };

  // Writes the header to `file`, which must be empty. `name` is for the log.
  Recorder(UniqueFd file, std::string name, const recording::RecordingHeader& header,
           std::uint32_t worker_count, TimePoint started_at, const Options& options);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // A new file that only its owner can read; an error if there is one of that name already.
  [[nodiscard]] static tl::expected<UniqueFd, std::error_code> create_file(const std::string& path);

  // What the sessions of that worker and upstream tell. Lives as long as the recorder. Before
  // start().
  [[nodiscard]] session::OperationObserver& input(std::uint32_t worker, std::uint16_t upstream);
  void start();
  // Writes what is left. The workers must have stopped.
  void stop();

  // From any thread.
  [[nodiscard]] bool is_active() const noexcept { return active_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.value(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] TimePoint started_at() const noexcept { return started_at_; }

 private:
  // Of one worker.
  struct Lane {
    explicit Lane(std::size_t capacity) : ring(capacity) {}
    recording::RecordRing ring;
    WorkerCounter dropped;  // By the worker.
  };

  void run();
  void drain();
  // False: nothing more is to be written.
  bool put(const recording::OperationRecord& record);
  bool flush();
  void end();

  UniqueFd file_;
  std::string name_;
  Options options_;
  TimePoint started_at_;
  std::deque<Lane> lanes_;  // Deques: both stay where they are.
  std::deque<RecorderInput> inputs_;
  std::vector<std::byte> buffer_;
  std::uint64_t size_ = 0;  // Of the file.
  std::uint64_t buffered_records_ = 0;
  std::uint64_t gap_told_ = 0;
  Duration last_arrival_ = {};
  std::atomic<bool> active_ = true;
  WorkerCounter written_;
  WorkerCounter lost_;  // Taken from a ring, and not written.
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace loadline::net
