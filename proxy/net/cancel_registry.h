// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

namespace loadline::net {

class Connection;
class Worker;

// Which connection a cancel request means. Thread-safe; a connection adds and removes itself, so
// what its own worker finds here is alive for as long as that worker doesn't return to its loop.
class CancelRegistry {
 public:
  struct Entry {
    Worker* worker = nullptr;
    Connection* connection = nullptr;
  };

  void add(std::span<const std::byte> key, const Entry& entry) {
    const std::lock_guard lock(mutex_);
    by_key_.insert_or_assign(to_string(key), entry);
  }
  void remove(std::span<const std::byte> key, const Connection* connection) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(to_string(key));
    // The server may have given the same key to a newer session of the same process id.
    if (found != by_key_.end() && found->second.connection == connection) by_key_.erase(found);
  }
  [[nodiscard]] std::optional<Entry> find(std::span<const std::byte> key) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(to_string(key));
    if (found == by_key_.end()) return std::nullopt;
    return found->second;
  }

 private:
  static std::string to_string(std::span<const std::byte> key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> by_key_;
};

}  // namespace loadline::net
