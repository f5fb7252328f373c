// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <event2/event_struct.h>

#include <functional>

#include "proxy/net/event_loop.h"

namespace loadline::net {

// Calls back on its loop's thread when the process gets a signal. One loop per process may watch.
class SignalWatch {
 public:
  SignalWatch(EventLoop& loop, int signal_number, std::function<void()> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  static void on_event(int signal_number, short what, void* self);

  std::function<void()> on_signal_;
  event event_ = {};
};

}  // namespace loadline::net
