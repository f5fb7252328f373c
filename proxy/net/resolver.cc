// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/resolver.h"

#include <netdb.h>

#include <cstring>
#include <utility>

#include "proxy/log/log.h"

namespace loadline::net {
namespace {

constexpr auto kFirstRoundMax = std::chrono::seconds(1);
constexpr auto kInterval = std::chrono::seconds(30);

std::vector<SocketAddress> resolve(const config::Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_flags = AI_ADDRCONFIG;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int error = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    log::warn(log::Component::pool, "name can't be resolved",
              {{"host", endpoint.host}, {"error", ::gai_strerror(error)}});
    return {};
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

Resolver::~Resolver() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Resolver::add(const config::Endpoint& endpoint, AddressBook& book) {
  if (const auto numeric = to_numeric_address(endpoint)) {
    book.set({*numeric});
  } else {
    names_.push_back({endpoint, &book});
  }
}

void Resolver::start() {
  if (names_.empty()) return;
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kFirstRoundMax, [this] { return first_round_done_; });
}

void Resolver::run() {
  for (;;) {
    for (const Name& name : names_) {
      // A name that can't be resolved for a while keeps its last addresses.
      if (auto addresses = resolve(name.endpoint); !addresses.empty()) {
        name.book->set(std::move(addresses));
      }
    }
    std::unique_lock lock(mutex_);
    first_round_done_ = true;
    changed_.notify_all();
    if (changed_.wait_for(lock, kInterval, [this] { return stopping_; })) return;
  }
}

}  // namespace loadline::net
