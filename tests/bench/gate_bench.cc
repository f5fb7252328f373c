// SPDX-License-Identifier: Apache-2.0
// What a decision costs. `allocations` is per iteration and must be zero.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "shedder/gate.h"

namespace {

std::atomic<std::uint64_t> allocation_count = 0;

}  // namespace

// Malloc and free, counted. GCC pairs the inlined free with the new expression and warns.
#pragma GCC diagnostic push
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif
void* operator new(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size); memory != nullptr) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
#pragma GCC diagnostic pop

namespace loadline {
namespace {

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));
constexpr std::uint32_t kWorkers = 8;

class IgnoringSink final : public VerdictSink {
 public:
  void on_verdict(Operation& /*operation*/) noexcept override {}
};

class AllocationCounter {
 public:
  explicit AllocationCounter(benchmark::State& state)
      : state_(state), before_(allocation_count.load()) {}
  ~AllocationCounter() {
    state_.counters["allocations"] = benchmark::Counter(
        static_cast<double>(allocation_count.load() - before_), benchmark::Counter::kAvgIterations);
  }
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

 private:
  benchmark::State& state_;
  std::uint64_t before_;
};

// With the automatic limit, whose samples cost a logarithm each.
void BM_OfferAndComplete(benchmark::State& state) {
  static Gate gate(GateOptions{}, kWorkers, 1);
  IgnoringSink sink;
  Operation operation(static_cast<std::uint32_t>(state.thread_index()), sink);
  TimePoint now = kStart;
  if (state.thread_index() == 0) gate.tick(now);
  const AllocationCounter allocations(state);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(gate.offer(operation, {.fingerprint = 7}, now));
    now += std::chrono::microseconds(100);
    gate.complete(operation, Outcome::ok, now);
  }
}
BENCHMARK(BM_OfferAndComplete);
BENCHMARK(BM_OfferAndComplete)->Threads(2)->UseRealTime();

// One slot: each operation waits for the one before it. An iteration is an offer that waits, and a
// completion that dispatches it.
void BM_OfferWaitDispatch(benchmark::State& state) {
  Gate gate({.limit_mode = LimitMode::fixed, .limit_initial = 1}, 1, 1);
  IgnoringSink sink;
  Operation first(0, sink);
  Operation second(0, sink);
  TimePoint now = kStart;
  (void)gate.offer(first, {}, now);
  Operation* active = &first;
  Operation* other = &second;
  const AllocationCounter allocations(state);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(gate.offer(*other, {}, now));
    now += std::chrono::microseconds(1);
    gate.complete(*active, Outcome::ok, now);
    std::swap(active, other);
  }
  gate.complete(*active, Outcome::ok, now);
}
BENCHMARK(BM_OfferWaitDispatch);

// The queue is full of better ones: the quickest way to say no.
void BM_RefuseQueueFull(benchmark::State& state) {
  Gate gate({.limit_mode = LimitMode::fixed, .limit_initial = 1, .waiting_max = 1}, 1, 1);
  IgnoringSink sink;
  Operation active(0, sink);
  Operation waiting(0, sink);
  Operation refused(0, sink);
  (void)gate.offer(active, {.priority = Priority(Tier::t0, 0)}, kStart);
  (void)gate.offer(waiting, {.priority = Priority(Tier::t0, 0)}, kStart);
  const AllocationCounter allocations(state);
  while (state.KeepRunning()) benchmark::DoNotOptimize(gate.offer(refused, {}, kStart));
  (void)gate.abandon(waiting, kStart);
  gate.complete(active, Outcome::ok, kStart);
}
BENCHMARK(BM_RefuseQueueFull);

// What the control thread does, nobody waiting.
void BM_Tick(benchmark::State& state) {
  Gate gate(GateOptions{}, kWorkers, 1);
  TimePoint now = kStart;
  const AllocationCounter allocations(state);
  while (state.KeepRunning()) {
    now += std::chrono::milliseconds(10);
    benchmark::DoNotOptimize(gate.tick(now));
  }
}
BENCHMARK(BM_Tick);

}  // namespace
}  // namespace loadline

BENCHMARK_MAIN();
