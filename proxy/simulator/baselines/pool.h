// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/simulator/admitter.h"
#include "proxy/simulator/ring.h"

namespace loadline::simulator {

// What the baselines share: slots, and a queue for those who find none. What makes one of them what
// it is, it says through the protected functions.
class Pool : public Admitter {
 public:
  struct Options {
    double limit = 100;      // At first; may be infinite.
    Duration wait_max = {};  // Zero: no queue, refused at once.
    // Facebook's "Fail at Scale": once the queue hasn't been empty for 100 ms, newest first, and
    // nobody waits for longer than 5 ms.
    bool adaptive_lifo = false;
    bool by_tier = false;  // The best waiting tier first.
  };

  explicit Pool(const Options& options) : options_(options), limit_(options.limit) {}

  [[nodiscard]] Verdict offer(std::uint32_t operation, const OperationProfile& profile,
                              TimePoint now) final;
  void complete(std::uint32_t operation, Outcome outcome, TimePoint now) final;
  [[nodiscard]] bool abandon(std::uint32_t operation, TimePoint now) final;
  void hold(std::uint32_t operation, TimePoint now) final;
  void resume(std::uint32_t operation, TimePoint now) final;
  [[nodiscard]] TimePoint tick(TimePoint now) final;
  [[nodiscard]] double limit() const final { return limit_; }

 protected:
  struct Answer {
    Duration latency = {};  // From the admission on.
    Duration waited = {};   // Before it.
    bool is_ok = false;
    TimePoint admitted_at = {};
    double active = 0;  // When it was admitted, itself included.
  };

  [[nodiscard]] virtual bool refuses(const OperationProfile& /*profile*/, TimePoint /*now*/) {
    return false;
  }
  virtual void on_answer(const Answer& /*answer*/, TimePoint /*now*/) {}
  // Called every `period`; zero: never.
  virtual void on_period(TimePoint /*now*/) {}

  void set_limit(double limit) { limit_ = limit; }
  void set_period(Duration period) { period_ = period; }
  [[nodiscard]] double active() const { return active_; }
  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }
  // How long the queue has not been empty.
  [[nodiscard]] Duration busy_for(TimePoint now) const {
    return waiting_ > 0 ? now - filled_at_ : Duration::zero();
  }
  [[nodiscard]] bool is_full() const { return active_ + 1 > limit_; }

 private:
  struct Entry {
    std::uint32_t operation = 0;
    std::uint32_t use = 0;
    TimePoint at = {};
  };
  struct Place {
    bool waits = false;
    bool held = false;
    std::uint32_t use = 0;
    TimePoint offered = {};
    TimePoint admitted = {};
    double active = 0;
  };

  void admit(std::uint32_t operation, TimePoint now);
  void pump(TimePoint now);
  void expire(TimePoint now);
  [[nodiscard]] Duration wait_max(TimePoint now) const;
  [[nodiscard]] bool is_stale(const Entry& entry) const {
    return !places_[entry.operation].waits || places_[entry.operation].use != entry.use;
  }
  void drop_stale();

  Options options_;
  double limit_;
  double active_ = 0;
  std::uint32_t waiting_ = 0;
  TimePoint filled_at_ = {};
  Duration period_ = {};
  TimePoint period_at_ = {};
  std::vector<Place> places_;
  Ring<Entry> queues_[kTierCount];  // Without by_tier, the first one has all.
};

}  // namespace loadline::simulator
