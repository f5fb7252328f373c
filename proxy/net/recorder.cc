// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/session/keyed_hash.h"

namespace loadline::net {
namespace {

using log::Component;
using recording::OperationRecord;

// How often the rings are looked at. Waking the writer would cost the workers a system call; a ring
// lasts for longer than that at any rate that one worker reaches.
constexpr auto kDrainInterval = std::chrono::milliseconds(10);
constexpr std::size_t kBufferSize = std::size_t{256} * 1024;

OperationRecord::End to_end(session::EndedOperation::How how) noexcept {
  switch (how) {
    case session::EndedOperation::How::executed:
      return OperationRecord::End::executed;
    case session::EndedOperation::How::shed:
      return OperationRecord::End::shed;
    case session::EndedOperation::How::withdrawn:
      return OperationRecord::End::withdrawn;
    case session::EndedOperation::How::ridden:
      return OperationRecord::End::ridden;
  }
  return OperationRecord::End::executed;
}

std::uint64_t rehashed(std::uint64_t hash, std::uint64_t key) noexcept {
  if (hash == 0) return 0;  // None stays none.
  const std::string_view bytes(reinterpret_cast<const char*>(&hash), sizeof(hash));
  return std::max<std::uint64_t>(1, session::keyed_hash(bytes, key));
}

std::error_code write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {count < 0 ? errno : ENOSPC, std::generic_category()};
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

void RecorderInput::on_end(const session::EndedOperation& operation, TimePoint now) noexcept {
  if (!recorder_->is_active()) {
    dropped_->add(1);
    return;
  }
  using How = session::EndedOperation::How;
  const OperationProfile& profile = operation.profile;
  const Verdict& verdict = operation.verdict;
  const Duration waited =
      operation.how == How::withdrawn ? elapsed_since(operation.offered_at, now) : verdict.waited;
  const OperationRecord record = {
      .arrival = elapsed_since(recorder_->started_at(), operation.offered_at),
      .tenant = profile.tenant,
      .fingerprint = profile.fingerprint,
      .service = operation.service,
      .paused = operation.paused,
      .deadline = recording::to_microseconds32(profile.deadline),
      .waited =
          recording::to_microseconds32(operation.how == How::ridden ? Duration::zero() : waited),
      .active = verdict.active,
      .upstream = upstream_,
      .priority = profile.priority,
      .statements = static_cast<std::uint16_t>(
          std::min<std::uint32_t>(operation.statements, std::numeric_limits<std::uint16_t>::max())),
      .operation_class = profile.operation_class,
      .end = to_end(operation.how),
      .reason = operation.how == How::shed ? verdict.reason : ShedReason::none,
      .outcome = operation.outcome,
      .is_transaction = operation.is_transaction,
      .is_unconditional = operation.is_unconditional};
  if (!ring_->push(record)) dropped_->add(1);
}

tl::expected<UniqueFd, std::error_code> Recorder::create_file(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return tl::unexpected(std::error_code(errno, std::generic_category()));
  return file;
}

Recorder::Recorder(UniqueFd file, std::string name, const recording::RecordingHeader& header,
                   std::uint32_t worker_count, TimePoint started_at, const Options& options)
    : file_(std::move(file)), name_(std::move(name)), options_(options), started_at_(started_at) {
  for (std::uint32_t i = 0; i < worker_count; ++i) lanes_.emplace_back(options.ring_capacity);
  buffer_ = recording::to_bytes(header);
  buffer_.reserve(std::max(kBufferSize, buffer_.size()));
}

Recorder::~Recorder() { stop(); }

session::OperationObserver& Recorder::input(std::uint32_t worker, std::uint16_t upstream) {
  Lane& lane = lanes_[worker];
  return inputs_.emplace_back(*this, lane.ring, lane.dropped, upstream);
}

void Recorder::start() {
  (void)flush();  // The header: a full disk shows at once.
  thread_ = std::thread([this] { run(); });
}

void Recorder::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  drain();
  if (!is_active()) return;
  active_.store(false, std::memory_order_relaxed);
  log::info(Component::proxy, "recording complete",
            {{"file", name_}, {"operations", written()}, {"dropped", dropped()}});
}

std::uint64_t Recorder::dropped() const noexcept {
  std::uint64_t sum = lost_.value();
  for (const Lane& lane : lanes_) sum += lane.dropped.value();
  return sum;
}

void Recorder::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kDrainInterval, [this] { return stopping_; })) {
    lock.unlock();
    drain();
    lock.lock();
  }
}

void Recorder::drain() {
  for (Lane& lane : lanes_) {
    lane.ring.drain([this](const OperationRecord& record) {
      if (!is_active()) {
        lost_.add(1);
      } else {
        last_arrival_ = std::max(last_arrival_, record.arrival);
        (void)put(record);
      }
    });
  }
  if (!is_active()) return;
  // Said behind what it is about, so that a reader knows how much is missing, and until when.
  const std::uint64_t dropped_now = dropped();
  if (dropped_now > gap_told_ && put(recording::gap_record(dropped_now, last_arrival_))) {
    gap_told_ = dropped_now;
  }
  (void)flush();
}

bool Recorder::put(const OperationRecord& record) {
  const bool is_gap = record.end == OperationRecord::End::gap;
  if (size_ + buffer_.size() + recording::kRecordSize > options_.size_max) {
    if (!is_gap) lost_.add(1);
    if (!flush()) return false;
    end();
    log::warn(Component::proxy, "recording is as large as it may be, and ends",
              {{"file", name_}, {"operations", written()}, {"bytes", size_}});
    return false;
  }
  OperationRecord keyed = record;
  if (!is_gap) {
    keyed.tenant = rehashed(record.tenant, options_.key);
    keyed.fingerprint = rehashed(record.fingerprint, options_.key);
    ++buffered_records_;
  }
  const recording::RecordBytes bytes = recording::to_bytes(keyed);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() + recording::kRecordSize <= kBufferSize || flush();
}

bool Recorder::flush() {
  if (buffer_.empty()) return true;
  const std::error_code error = write_all(file_.get(), buffer_);
  if (!error) {
    size_ += buffer_.size();
    written_.add(std::exchange(buffered_records_, 0));
    buffer_.clear();
    return true;
  }
  lost_.add(std::exchange(buffered_records_, 0));
  buffer_.clear();
  // What is there is to be whole. If that fails, too, the reader says where to cut.
  (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
  end();
  log::error(
      Component::proxy, "recording can't be written, and ends",
      {{"file", name_}, {"problem", error.message()}, {"operations", written()}, {"bytes", size_}});
  return false;
}

void Recorder::end() {
  active_.store(false, std::memory_order_relaxed);
  file_.reset();
}

}  // namespace loadline::net
