// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "shedder/clock.h"

namespace loadline {

// What is known of each statement fingerprint: its usual service time, whether it is heavy, and how
// many of it may be active.
//
// A limit on all operations can't see a few that wait for one row: they take slots, and slow nobody
// down but themselves. Their own latency shows it. For each fingerprint, q = n (1 - e^-(r - g)) of
// its n active operations do nothing but wait, where r is how much slower it is than usual and g
// how much slower everybody is (both in ln; Vegas' estimate of a queue, made relative). More than 4
// such, and more than half, and the fingerprint gets a cap, which is cut further or released as q
// says.
//
// "Usual" is learned while the slots aren't all used. What was first seen in an overload is taken
// to have suffered as much as everybody. How much that is, g, is the median over those that are
// known from calmer times, or over all if that is more: a base that was learned in an overload must
// not throttle the innocent, and without anything to compare with nobody is suspected. Only what
// has been answered lately counts.
//
// A fixed number of slots, which are CountingTable's. `limits` and `claim` are for workers, at any
// time; the rest for one thread.
class FingerprintBook {
 public:
  static constexpr std::uint32_t kNoCap = std::numeric_limits<std::uint32_t>::max();

  struct Limits {
    std::atomic<std::uint32_t> cap = kNoCap;
    // Usual service time over that of the usual operation.
    std::atomic<float> cost = 1;
    // Expected now, all things considered; 0 if unknown.
    std::atomic<float> service_seconds = 0;
    std::atomic<bool> is_heavy = false;
  };
  // Totals since start of what one slot's operations took.
  struct Totals {
    std::uint64_t count = 0;
    double log_seconds = 0;
  };

  explicit FingerprintBook(std::size_t slot_count);

  [[nodiscard]] const Limits& limits(std::uint32_t slot) const noexcept { return limits_[slot]; }
  // An operation of `fingerprint` has entered the slot: what is known of another one isn't known of
  // this one.
  void claim(std::uint32_t slot, std::uint64_t fingerprint) noexcept {
    std::atomic<std::uint64_t>& owner = owners_[slot];
    if (owner.load(std::memory_order_relaxed) == fingerprint) return;
    owner.store(fingerprint, std::memory_order_relaxed);
    limits_[slot].cap.store(kNoCap, std::memory_order_relaxed);
    limits_[slot].cost.store(1, std::memory_order_relaxed);
    limits_[slot].service_seconds.store(0, std::memory_order_relaxed);
    limits_[slot].is_heavy.store(false, std::memory_order_relaxed);
  }

  // Every 200 ms or so. `totals` and `active` have a place for each slot. `saturated`: all of the
  // limit is in use. `limit`: above it a cap means nothing.
  void update(std::span<const Totals> totals, std::span<const std::uint32_t> active, bool saturated,
              double limit, Duration interval) noexcept;

  // How much slower than usual the database is for everybody, in ln.
  [[nodiscard]] double slowdown() const noexcept { return slowdown_; }
  // How many slots have a cap.
  [[nodiscard]] std::uint32_t capped_count() const noexcept { return capped_count_; }

 private:
  struct Known {
    std::uint64_t fingerprint = 0;
    Totals mark;            // When its present sample began.
    double base = 0;        // Usual ln seconds.
    double mean = 0;        // Of the last sample.
    double weight = 0;      // Completions of the last sample; 0 once that is old.
    std::uint32_t age = 0;  // Updates since the last sample.
    double cap = 0;         // 0: none.
    float active = 0;       // Mean, smoothed.
    bool is_known = false;
    bool is_trusted = false;
  };

  void sample(Known& known, const Totals& totals, bool saturated) noexcept;
  [[nodiscard]] bool is_surely_heavy(const Known& known, const Totals& totals,
                                     double usual) const noexcept;
  void set_cap(Known& known, std::uint32_t slot, double limit) noexcept;
  // The weighted median of what `value` says of the known ones that it has something to say about.
  template <typename Value>
  [[nodiscard]] double weighted_median(Value&& value) noexcept;

  std::size_t slot_count_;
  std::unique_ptr<Limits[]> limits_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> owners_;
  std::vector<Known> known_;
  std::vector<std::pair<double, double>> ranked_;  // Room for the medians.
  double slowdown_ = 0;
  bool is_usual_known_ = false;
  std::uint32_t capped_count_ = 0;
};

}  // namespace loadline
