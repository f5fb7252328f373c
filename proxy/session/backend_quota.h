// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace loadline::session {

// How many connections to one upstream may be open. Shared by all workers; thread-safe.
class BackendQuota {
 public:
  explicit BackendQuota(std::uint32_t backends_max) noexcept : backends_max_(backends_max) {}

  [[nodiscard]] bool try_take() noexcept {
    std::uint32_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (taken >= backends_max_.load(std::memory_order_relaxed)) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
    return true;
  }
  void give_back() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }

  [[nodiscard]] std::uint32_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);
  }
  // Lowering it closes nothing: what is open stays.
  void set_backends_max(std::uint32_t backends_max) noexcept {
    backends_max_.store(backends_max, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t> taken_{0};
  std::atomic<std::uint32_t> backends_max_;
};

}  // namespace loadline::session
