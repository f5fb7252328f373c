// SPDX-License-Identifier: Apache-2.0
// The paths of an operation allocate nothing. Of its own binary, since it replaces operator new.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "shedder/gate.h"

namespace {

std::size_t allocation_count = 0;

}  // namespace

// GCC pairs the inlined free with the new expression and warns.
#pragma GCC diagnostic push
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif
void* operator new(std::size_t size) {
  ++allocation_count;
  if (void* const memory = std::malloc(size); memory != nullptr) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
#pragma GCC diagnostic pop

namespace loadline {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart = TimePoint(std::chrono::hours(1));

class CountingSink final : public VerdictSink {
 public:
  void on_verdict(Operation& /*operation*/) noexcept override { ++verdicts; }
  std::size_t verdicts = 0;
};

TEST(GateAllocation, TheCountIsReal) {
  const std::size_t before = allocation_count;
  int* volatile kept = new int(1);  // Else the compiler may leave out both.
  delete kept;
  EXPECT_EQ(allocation_count, before + 1);
}

TEST(GateAllocation, NoPathOfAnOperationAllocates) {
  GateOptions options;
  options.limit_initial = 4;
  options.waiting_max = 4;
  options.signals = {{.name = "sessions", .setpoint = 100, .hard = 200, .tier_best = Tier::t4}};
  Gate gate(options, 1, 1);
  CountingSink sink;
  Operation a(0, sink), b(0, sink), c(0, sink), d(0, sink), e(0, sink), f(0, sink), g(0, sink);
  const std::size_t before = allocation_count;

  std::size_t shed_by_signal = 0;
  TimePoint now = kStart;
  for (int i = 0; i < 1000; ++i) {
    for (Operation* operation : {&a, &b, &c, &d}) (void)gate.offer(*operation, {}, now);
    (void)gate.offer(e, {}, now);
    (void)gate.offer(f, {.deadline = milliseconds(5)}, now);
    (void)gate.signal("sessions", i % 2 == 0 ? 150 : 200, now);
    if (gate.offer(g, {.priority = Priority(Tier::t5, 0)}, now).reason == ShedReason::signal) {
      ++shed_by_signal;
    }
    now += milliseconds(6);
    (void)gate.ride(a, {}, now);
    gate.complete_ridden(a, Outcome::ok, now);
    gate.hold(b, now);
    gate.resume(b, now);
    now = std::max(now, gate.tick(now));
    (void)gate.abandon(e, now);
    (void)gate.abandon(g, now);
    for (Operation* operation : {&a, &b, &c, &d, &e, &f, &g}) {
      if (operation->state() == Operation::State::active)
        gate.complete(*operation, Outcome::ok, now);
    }
    gate.admit_unconditionally(a, {}, now);
    gate.complete(a, Outcome::error, now);
  }
  const std::size_t after = allocation_count;
  EXPECT_EQ(after, before);
  EXPECT_GT(sink.verdicts, 0U) << "some must have waited";
  EXPECT_GT(shed_by_signal, 100U);
}

}  // namespace
}  // namespace loadline
