// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/event_loop.h"

#include <event2/event.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

namespace loadline::net {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, RunsTasksOfOtherThreadsInOrder) {
  EventLoop loop;
  std::vector<int> seen;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.stop();
  });
  loop.run();
  poster.join();
  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(EventLoop, ATaskMayPostTheNext) {
  EventLoop loop;
  bool second = false;
  loop.post([&] {
    loop.post([&] {
      second = true;
      loop.stop();
    });
  });
  loop.run();
  EXPECT_TRUE(second);
}

TEST(Timer, SettingItAgainReplacesTheFirst) {
  EventLoop loop;
  int calls = 0;
  Timer timer(loop, [&] {
    ++calls;
    loop.stop();
  });
  timer.set(std::chrono::hours(1));
  timer.set(-1ms);
  EXPECT_TRUE(timer.is_set());
  loop.run();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(timer.is_set());
}

TEST(FdEvent, WantsWhatItWasLastTold) {
  EventLoop loop;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  struct Seen {
    EventLoop& loop;
    FdEvent event = {};
    int calls = 0;
  } seen{loop};
  const auto callback = [](int /*fd*/, short /*what*/, void* context) {
    auto& self = *static_cast<Seen*>(context);
    ++self.calls;
    self.event.clear();  // Still readable, but nobody wants to know.
    self.loop.post([&self] { self.loop.stop(); });
  };
  seen.event.want(loop, reader.get(), EV_READ, callback, &seen);
  loop.run();
  EXPECT_EQ(seen.calls, 1);
}

}  // namespace
}  // namespace loadline::net
