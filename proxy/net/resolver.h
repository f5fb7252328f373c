// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "proxy/net/upstream.h"

namespace loadline::net {

// Keeps the address books of upstreams with a host name up to date, on a thread of its own, because
// asking a name server blocks. Numeric addresses and Unix sockets are set at once and stay.
class Resolver {
 public:
  Resolver() = default;
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Before start(). `book` must outlive the resolver.
  void add(const config::Endpoint& endpoint, AddressBook& book);
  // Returns when every name has been asked for once, or after a second: a name server that is away
  // must not keep the proxy from starting.
  void start();

 private:
  struct Name {
    config::Endpoint endpoint;
    AddressBook* book = nullptr;
  };

  void run();

  std::vector<Name> names_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool first_round_done_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace loadline::net
