// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/acceptor.h"

#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/net/system_clock.h"

namespace loadline::net {
namespace {

// Per wake-up, so that a storm on one listener doesn't starve the gate's ticks on the same loop.
constexpr int kAcceptsMax = 64;
// Clients over the limit are still let in to be told so, and to cancel; so many at most.
constexpr std::uint64_t kOverLimitMax = 256;
constexpr Duration kRetryAfter = std::chrono::milliseconds(10);

UniqueFd open_spare() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int accept_from(int listener, SocketAddress& peer) noexcept {
  peer.size = sizeof(peer.storage);
  return ::accept4(listener, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace

Acceptor::Acceptor(EventLoop& loop, Options options, ListenerCounters& counters,
                   std::span<const std::unique_ptr<Worker>> workers)
    : loop_(loop),
      options_(std::move(options)),
      counters_(counters),
      workers_(workers),
      spare_fd_(open_spare()),
      retry_timer_(loop,
                   [this] { event_.want(loop_, fd_.get(), EV_READ, &Acceptor::on_event, this); }) {}

Acceptor::~Acceptor() {
  event_.clear();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::error_code Acceptor::listen(const SocketAddress& address) {
  auto fd = listen_on(address);
  if (!fd) return fd.error();
  const auto bound = local_address(fd->get());
  if (!bound) return bound.error();
  fd_ = std::move(*fd);
  address_ = to_string(*bound);
  if (address.storage.ss_family == AF_UNIX)
    unix_path_ = address_.substr(std::string("unix:").size());
  event_.want(loop_, fd_.get(), EV_READ, &Acceptor::on_event, this);
  return {};
}

void Acceptor::on_event(int /*fd*/, short /*what*/, void* self) {
  static_cast<Acceptor*>(self)->accept_some();
}

void Acceptor::accept_some() {
  for (int i = 0; i < kAcceptsMax; ++i) {
    SocketAddress peer;
    UniqueFd fd(accept_from(fd_.get(), peer));
    if (fd.is_open()) {
      hand_out(std::move(fd), peer);
    } else if (errno == EMFILE || errno == ENFILE) {
      return on_no_descriptors();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;  // EAGAIN, or something that a later wake-up will show again.
    }
  }
}

// Without this the client would hang in the backlog, and the listener would spin, always readable.
void Acceptor::on_no_descriptors() {
  counters_.count(session::ClientRefusal::out_of_descriptors);
  no_descriptors_log_.write(monotonic_now(), {{"listener", options_.name}});
  spare_fd_.reset();
  SocketAddress peer;
  UniqueFd(accept_from(fd_.get(), peer)).reset();
  spare_fd_ = open_spare();
  if (spare_fd_.is_open()) return;
  // Another thread took it. Try later.
  event_.clear();
  retry_timer_.set(kRetryAfter);
}

void Acceptor::hand_out(UniqueFd fd, const SocketAddress& peer) {
  counters_.accepted.add();
  set_stream_options(fd.get(), peer.storage.ss_family);
  Connection::Accepted accepted{.fd = std::move(fd), .peer = peer, .refuse_login = {}};
  const std::uint64_t open = counters_.open.value();
  if (open >= options_.clients_max) {
    if (open >= options_.clients_max + kOverLimitMax) {
      counters_.count(session::ClientRefusal::too_many_clients);
      return;
    }
    accepted.refuse_login = wire::Farewell::too_many_clients;
  }
  const auto& least = *std::ranges::min_element(
      workers_, {}, [](const auto& worker) { return worker->connection_count(); });
  counters_.open.add();  // The connection gives it back when it ends.
  least->adopt(options_.route_index, std::move(accepted));
}

}  // namespace loadline::net
