// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/signal_watch.h"

#include <event2/event.h>

#include <utility>

namespace loadline::net {

SignalWatch::SignalWatch(EventLoop& loop, int signal_number, std::function<void()> on_signal)
    : on_signal_(std::move(on_signal)) {
  evsignal_assign(&event_, loop.base(), signal_number, &SignalWatch::on_event, this);
  evsignal_add(&event_, nullptr);
}

SignalWatch::~SignalWatch() { event_del(&event_); }

void SignalWatch::on_event(int /*signal_number*/, short /*what*/, void* self) {
  static_cast<SignalWatch*>(self)->on_signal_();
}

}  // namespace loadline::net
