// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "proxy/net/event_loop.h"
#include "proxy/net/socket.h"

namespace loadline::net {

// Delivers one cancel request on a connection of its own, then waits for the server to close it.
class CancelSender {
 public:
  CancelSender(EventLoop& loop, const SocketAddress& address, std::span<const std::byte> packet,
               std::shared_ptr<void> ticket, TimePoint deadline);

  // Delivered, failed, or not worth waiting for any longer: may be destroyed.
  [[nodiscard]] bool is_over(TimePoint now) const noexcept { return over_ || now >= deadline_; }

 private:
  static void on_event(int fd, short what, void* self);
  void ready(short what);
  void end() noexcept;

  EventLoop& loop_;
  UniqueFd fd_;
  FdEvent event_;
  std::vector<std::byte> packet_;  // What is left of it.
  std::shared_ptr<void> ticket_;
  TimePoint deadline_;
  bool over_ = false;
};

}  // namespace loadline::net
