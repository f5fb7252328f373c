// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <tl/expected.hpp>

#include "shedder/clock.h"

namespace loadline::net {

// The text of an ordinary file, of which no more than size_max + 1 bytes are read.
[[nodiscard]] tl::expected<std::string, std::error_code> read_small_file(const std::string& path,
                                                                         std::size_t size_max);

// Keeps a small file up to date, on a thread of its own: a disk that hangs delays nobody else. The
// file is replaced as a whole, by a temporary one beside it (`path`.tmp), so a reader or a crash
// meets the old text or the new one. Only its owner can read it.
//
// A file that can't be written is one warning in the log when that begins, or its cause changes,
// and a line when it is over.
class FileSaver {
 public:
  explicit FileSaver(std::string path);
  ~FileSaver();
  FileSaver(const FileSaver&) = delete;
  FileSaver& operator=(const FileSaver&) = delete;

  void start();
  // Doesn't wait. Replaces a text that hasn't been begun with.
  void save(std::string text);
  // Whether the last text that was tried couldn't be written.
  [[nodiscard]] bool has_failed() const noexcept;
  // Waits for what was to be saved, for as long as `patience` allows; then the thread is left
  // alone with its disk.
  void stop(Duration patience);

 private:
  struct Shared;

  // The thread's as well, which may outlive us.
  std::shared_ptr<Shared> shared_;
};

}  // namespace loadline::net
