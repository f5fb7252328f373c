// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/file_saver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/unique_fd.h"

namespace loadline::net {
namespace {

using log::Component;

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

std::error_code write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    if (count == 0) return std::make_error_code(std::errc::no_space_on_device);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

// So that the new name is on the disk, too. Not every file system can: then it comes when it comes.
void sync_folder_of(const std::string& path) noexcept {
  const std::size_t slash = path.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open()) (void)::fsync(fd.get());
}

std::error_code write_new(const std::string& path, std::string_view text) noexcept {
  // A predecessor that was killed may have left it. O_EXCL: not through a link that somebody put
  // there.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return last_error();
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.is_open()) return last_error();
  if (const auto error = write_all(fd.get(), text)) return error;
  return ::fsync(fd.get()) == 0 ? std::error_code() : last_error();
}

std::error_code replace_file(const std::string& path, std::string_view text) noexcept {
  const std::string temporary = path + ".tmp";
  std::error_code error = write_new(temporary, text);
  if (!error && std::rename(temporary.c_str(), path.c_str()) != 0) error = last_error();
  if (error) {
    (void)::unlink(temporary.c_str());
  } else {
    sync_folder_of(path);
  }
  return error;
}

}  // namespace

tl::expected<std::string, std::error_code> read_small_file(const std::string& path,
                                                           std::size_t size_max) {
  // O_NONBLOCK: opening a FIFO would wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) return tl::unexpected(last_error());
  struct stat about = {};
  if (::fstat(fd.get(), &about) != 0) return tl::unexpected(last_error());
  if (S_ISDIR(about.st_mode)) {
    return tl::unexpected(std::make_error_code(std::errc::is_a_directory));
  }
  if (!S_ISREG(about.st_mode)) {
    return tl::unexpected(std::make_error_code(std::errc::invalid_argument));
  }
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() <= size_max) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected(last_error());
    if (count == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  if (text.size() > size_max + 1) text.resize(size_max + 1);
  return text;
}

struct FileSaver::Shared {
  explicit Shared(std::string file) : path(std::move(file)) {}

  void run();
  void tell(std::error_code error);

  const std::string path;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::string> next;  // To be written.
  bool is_running = false;
  bool stopping = false;
  std::atomic<bool> abandoned = false;  // Nobody waits for us: the log may be gone.
  std::atomic<bool> failed = false;
  std::error_code last;  // The thread's.
};

void FileSaver::Shared::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return stopping || next; });
    if (!next) break;
    const std::string text = *std::exchange(next, std::nullopt);
    lock.unlock();
    tell(replace_file(path, text));
    lock.lock();
  }
  is_running = false;
  changed.notify_all();
}

void FileSaver::Shared::tell(std::error_code error) {
  failed.store(static_cast<bool>(error), std::memory_order_relaxed);
  if (error == std::exchange(last, error) || abandoned.load(std::memory_order_relaxed)) return;
  if (error) {
    log::warn(Component::proxy, "state can't be saved",
              {{"file", path}, {"error", error.message()}});
  } else {
    log::info(Component::proxy, "state is saved again", {{"file", path}});
  }
}

FileSaver::FileSaver(std::string path) : shared_(std::make_shared<Shared>(std::move(path))) {}

FileSaver::~FileSaver() { stop(Duration::zero()); }

void FileSaver::start() {
  assert(!shared_->is_running);
  shared_->is_running = true;
  std::thread([shared = shared_] { shared->run(); }).detach();
}

void FileSaver::save(std::string text) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->next = std::move(text);
  }
  shared_->changed.notify_all();
}

bool FileSaver::has_failed() const noexcept {
  return shared_->failed.load(std::memory_order_relaxed);
}

void FileSaver::stop(Duration patience) {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  if (shared_->changed.wait_for(lock, patience, [this] { return !shared_->is_running; })) return;
  if (shared_->abandoned.exchange(true, std::memory_order_relaxed)) return;
  log::warn(Component::proxy, "state is not saved: the disk doesn't answer",
            {{"file", shared_->path}});
}

}  // namespace loadline::net
