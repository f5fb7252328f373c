// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/socket_transport.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "proxy/loadgen/monotonic_now.h"

namespace loadline::loadgen {
namespace {

std::string text_of(int error) { return std::system_category().message(error); }

tl::expected<Address, std::string> socket_address(const std::string& path) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) {
    return tl::unexpected(fmt::format("{}: too long for a Unix socket", path));
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  Address address = {.size = sizeof(name)};
  std::memcpy(&address.storage, &name, sizeof(name));
  return address;
}

wire::Entropy fresh_entropy() {
  wire::Entropy entropy = {};
  auto* const bytes = reinterpret_cast<unsigned char*>(entropy.data());
  if (RAND_bytes(bytes, static_cast<int>(entropy.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random numbers");
  }
  return entropy;
}

}  // namespace

tl::expected<Address, std::string> resolve(const Target& target) {
  if (target.host.starts_with('/')) {
    return socket_address(target.host + "/" + target.protocol->socket_name(target.port));
  }
  const addrinfo hints = {.ai_flags = AI_NUMERICSERV,
                          .ai_family = AF_UNSPEC,
                          .ai_socktype = SOCK_STREAM,
                          .ai_protocol = 0,
                          .ai_addrlen = 0,
                          .ai_addr = nullptr,
                          .ai_canonname = nullptr,
                          .ai_next = nullptr};
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (error != 0) return tl::unexpected(fmt::format("{}: {}", target.host, gai_strerror(error)));
  // "localhost" is often ::1 first, where few databases listen: the first that takes a connection.
  const addrinfo* chosen = found;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    const Socket probe(::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
    if (probe.is_open() && ::connect(probe.fd(), a->ai_addr, a->ai_addrlen) == 0) {
      chosen = a;
      break;
    }
  }
  Address address = {.size = chosen->ai_addrlen};
  std::memcpy(&address.storage, chosen->ai_addr, chosen->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (is_open()) ::close(fd_);
}

SocketTransport::SocketTransport(event_base* base, const Target& target, const Address& address)
    : base_(base),
      target_(target),
      address_(address),
      dialogues_(target.protocol->dialogues()),
      deferred_event_(event_new(base, -1, 0, &SocketTransport::on_deferred, this)) {}

SocketTransport::~SocketTransport() {
  // Events go before the sockets that they watch.
  for (Link& link : links_) {
    tear_down(link);
    end_cancel(link);
  }
}

void SocketTransport::attach(Generator& generator) {
  generator_ = &generator;
  links_.resize(generator.connection_count());
  for (ConnectionIndex i = 0; i < links_.size(); ++i) {
    links_[i].owner = this;
    links_[i].index = i;
  }
}

tl::expected<Socket, int> SocketTransport::connect_socket() const {
  Socket socket(
      ::socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return tl::unexpected(errno);
  if (address_.storage.ss_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  const auto* const address = reinterpret_cast<const sockaddr*>(&address_.storage);
  if (::connect(socket.fd(), address, address_.size) != 0 && errno != EINPROGRESS) {
    return tl::unexpected(errno);
  }
  return socket;
}

void SocketTransport::defer(const Deferred& deferred) {
  deferred_.push_back(deferred);
  event_active(deferred_event_.get(), EV_TIMEOUT, 0);
}

void SocketTransport::on_deferred(int, short, void* transport) {
  auto& self = *static_cast<SocketTransport*>(transport);
  for (const Deferred& deferred : std::exchange(self.deferred_, {})) {
    if (deferred.is_cancel) {
      self.generator_->on_cancel_done(deferred.index, monotonic_now());
    } else {
      const wire::ServerError error = {.sqlstate = "08001", .message = text_of(deferred.error)};
      self.generator_->on_closed(deferred.index, error, monotonic_now());
    }
  }
}

void SocketTransport::open(ConnectionIndex connection) {
  Link& link = links_[connection];
  assert(!link.socket.is_open());
  auto socket = connect_socket();
  if (!socket) return defer({.index = connection, .error = socket.error()});
  ++link.opened;
  link.socket = *std::move(socket);
  link.connecting = true;
  wire::ClientLogin login = target_.login;
  login.application_name = generator_->application_name(connection);
  link.dialogue = dialogues_->open(login, fresh_entropy());
  link.output.clear();
  link.output_sent = 0;
  link.dialogue->take_output(link.output);
  const int fd = link.socket.fd();
  link.readable.reset(event_new(base_, fd, EV_READ | EV_PERSIST, &on_readable, &link));
  link.writable.reset(event_new(base_, fd, EV_WRITE, &on_writable, &link));
  event_add(link.writable.get(), nullptr);
}

void SocketTransport::send(ConnectionIndex connection, std::string_view sql,
                           std::span<const std::string> parameters) {
  Link& link = links_[connection];
  assert(link.dialogue != nullptr);
  link.dialogue->query(sql, parameters);
  write(link);
}

void SocketTransport::close(ConnectionIndex connection) {
  Link& link = links_[connection];
  // Lets a server that looks at its socket know; the bytes may not fit, and then need not.
  if (link.dialogue && !link.connecting) {
    link.dialogue->end();
    write(link);
  }
  tear_down(link);
}

void SocketTransport::end_all() {
  for (Link& link : links_) {
    if (link.socket.is_open()) close(link.index);
  }
}

void SocketTransport::tear_down(Link& link) {
  link.readable.reset();
  link.writable.reset();
  link.socket = Socket();
  link.dialogue.reset();
}

void SocketTransport::on_writable(int, short, void* argument) {
  Link& link = *static_cast<Link*>(argument);
  if (link.connecting) {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(link.socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return link.owner->lose(link, text_of(error));
    link.connecting = false;
    event_add(link.readable.get(), nullptr);
  }
  link.owner->write(link);
}

// A failed write needs no answer of its own: the socket is readable then, and says so better.
void SocketTransport::write(Link& link) {
  link.dialogue->take_output(link.output);
  while (link.output_sent < link.output.size()) {
    const ssize_t sent = ::send(link.socket.fd(), link.output.data() + link.output_sent,
                                link.output.size() - link.output_sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) event_add(link.writable.get(), nullptr);
      return;
    }
    link.output_sent += static_cast<std::size_t>(sent);
  }
  link.output.clear();
  link.output_sent = 0;
}

void SocketTransport::on_readable(int, short, void* argument) {
  Link& link = *static_cast<Link*>(argument);
  link.owner->read(link);
}

void SocketTransport::read(Link& link) {
  const ssize_t size = ::recv(link.socket.fd(), buffer_.data(), buffer_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (size < 0) return lose(link, text_of(errno));
  if (size == 0) {
    link.dialogue->on_peer_closed();
  } else {
    link.dialogue->on_bytes(std::span(buffer_).first(static_cast<std::size_t>(size)));
  }
  drain(link);
}

void SocketTransport::drain(Link& link) {
  const TimePoint now = monotonic_now();
  const std::uint64_t opened = link.opened;
  while (link.dialogue && link.opened == opened) {
    const wire::ClientEvent event = link.dialogue->next_event();
    switch (event.kind) {
      case wire::ClientEvent::Kind::none:
        return write(link);  // What the dialogue itself had to answer.
      case wire::ClientEvent::Kind::ready:
        generator_->on_ready(link.index, event.transaction, now);
        break;
      case wire::ClientEvent::Kind::error:
        generator_->on_error(link.index, event.error);
        break;
      case wire::ClientEvent::Kind::closed:
        tear_down(link);
        return generator_->on_closed(link.index, event.error, now);
    }
  }
}

void SocketTransport::lose(Link& link, std::string_view why) {
  const bool connecting = link.connecting;
  tear_down(link);
  generator_->on_closed(link.index,
                        {.sqlstate = connecting ? "08001" : "08006", .message = std::string(why)},
                        monotonic_now());
}

void SocketTransport::cancel(ConnectionIndex connection) {
  Link& link = links_[connection];
  assert(link.dialogue != nullptr);
  end_cancel(link);
  link.cancel_bytes = link.dialogue->cancel_request();
  auto socket = connect_socket();
  if (link.cancel_bytes.empty() || !socket) return defer({.index = connection, .is_cancel = true});
  link.cancel_socket = *std::move(socket);
  link.cancel_event.reset(
      event_new(base_, link.cancel_socket.fd(), EV_WRITE, &on_cancel_event, &link));
  event_add(link.cancel_event.get(), nullptr);
}

void SocketTransport::on_cancel_event(int fd, short events, void* argument) {
  Link& link = *static_cast<Link*>(argument);
  SocketTransport& self = *link.owner;
  if ((events & EV_WRITE) != 0) {
    // It fits: a few bytes into an empty socket. What fails ends the request, not the run.
    const ssize_t sent =
        ::send(fd, link.cancel_bytes.data(), link.cancel_bytes.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(link.cancel_bytes.size())) {
      link.cancel_event.reset(event_new(self.base_, fd, EV_READ, &on_cancel_event, &link));
      event_add(link.cancel_event.get(), nullptr);
      return;
    }
  }
  // The server closes it once it has passed the request on. Only then is the connection free: the
  // cancel could hit the next statement.
  self.end_cancel(link);
  self.generator_->on_cancel_done(link.index, monotonic_now());
}

void SocketTransport::end_cancel(Link& link) {
  link.cancel_event.reset();
  link.cancel_socket = Socket();
}

}  // namespace loadline::loadgen
