// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "proxy/log/log.h"
#include "proxy/net/event_loop.h"
#include "proxy/net/route.h"
#include "proxy/net/socket.h"
#include "proxy/net/worker.h"

namespace loadline::net {

// Accepts one listener's connections and hands each to the worker that has the fewest. Handing out
// beats SO_REUSEPORT here: connections to a database are few and long, and a hash spreads few
// badly.
class Acceptor {
 public:
  struct Options {
    std::string name;
    std::size_t route_index = 0;
    std::uint32_t clients_max = 0;
  };

  Acceptor(EventLoop& loop, Options options, ListenerCounters& counters,
           std::span<const std::unique_ptr<Worker>> workers);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  [[nodiscard]] std::error_code listen(const SocketAddress& address);
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  void set_clients_max(std::uint32_t clients_max) noexcept { options_.clients_max = clients_max; }

 private:
  static void on_event(int fd, short what, void* self);
  void accept_some();
  void on_no_descriptors();
  void hand_out(UniqueFd fd, const SocketAddress& peer);

  EventLoop& loop_;
  Options options_;
  ListenerCounters& counters_;
  std::span<const std::unique_ptr<Worker>> workers_;
  UniqueFd fd_;
  UniqueFd spare_fd_;  // Given up for a moment to turn a client away when there is no other.
  FdEvent event_;
  Timer retry_timer_;
  std::string address_;
  std::string unix_path_;
  log::RateLimitedLog no_descriptors_log_{
      log::Component::client, log::Level::error,
      "out of file descriptors: clients are turned away; raise the limit (ulimit -n)"};
};

}  // namespace loadline::net
