// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace loadline::net {
namespace {

constexpr int kListenBacklog = 4096;  // The kernel lowers it to net.core.somaxconn.

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

template <typename T>
T& as(SocketAddress& address) noexcept {
  return reinterpret_cast<T&>(address.storage);
}
template <typename T>
const T& as(const SocketAddress& address) noexcept {
  return reinterpret_cast<const T&>(address.storage);
}

tl::expected<SocketAddress, std::error_code> unix_address(const std::string& path) {
  SocketAddress address;
  auto& un = as<sockaddr_un>(address);
  if (path.size() >= sizeof(un.sun_path)) {
    return tl::unexpected(std::make_error_code(std::errc::filename_too_long));
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

// A file nobody listens on is what a crash leaves behind.
void remove_stale_socket(const SocketAddress& address) {
  const char* path = as<sockaddr_un>(address).sun_path;
  struct stat found {};
  if (::lstat(path, &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return;
  if (::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED) {
    ::unlink(path);
  }
}

}  // namespace

std::string to_string(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (address.storage.ss_family) {
    case AF_INET: {
      const auto& in = as<sockaddr_in>(address);
      ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
      return fmt::format("{}:{}", text.data(), ntohs(in.sin_port));
    }
    case AF_INET6: {
      const auto& in = as<sockaddr_in6>(address);
      ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
      return fmt::format("[{}]:{}", text.data(), ntohs(in.sin6_port));
    }
    default: {
      const auto& un = as<sockaddr_un>(address);
      const bool named = address.size > offsetof(sockaddr_un, sun_path) && un.sun_path[0] != '\0';
      return named ? fmt::format("unix:{}", un.sun_path) : std::string("unix");
    }
  }
}

tl::expected<SocketAddress, std::error_code> to_numeric_address(const config::Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return unix_address(endpoint.unix_path);
  SocketAddress address;
  auto& in = as<sockaddr_in>(address);
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    address.size = sizeof(in);
    return address;
  }
  auto& in6 = as<sockaddr_in6>(address);
  in6 = {};
  if (::inet_pton(AF_INET6, endpoint.host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(endpoint.port);
    address.size = sizeof(in6);
    return address;
  }
  return tl::unexpected(std::make_error_code(std::errc::invalid_argument));
}

session::ClientAddress to_client_address(const SocketAddress& address) noexcept {
  session::ClientAddress client;
  if (address.storage.ss_family == AF_INET) {
    client.size = 4;
    std::memcpy(client.bytes.data(), &as<sockaddr_in>(address).sin_addr, 4);
  } else if (address.storage.ss_family == AF_INET6) {
    const auto& in6 = as<sockaddr_in6>(address).sin6_addr;
    // A v4 client of a v6 socket is a v4 client.
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&in6);
    client.size = mapped ? 4 : 16;
    std::memcpy(client.bytes.data(), in6.s6_addr + (mapped ? 12 : 0), client.size);
  } else {
    client.is_unix = true;
  }
  return client;
}

tl::expected<UniqueFd, std::error_code> listen_on(const SocketAddress& address) {
  const int family = address.storage.ss_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return tl::unexpected(last_error());
  if (family == AF_UNIX) {
    remove_stale_socket(address);
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  if (::bind(fd.get(), address.get(), address.size) != 0 ||
      ::listen(fd.get(), kListenBacklog) != 0) {
    return tl::unexpected(last_error());
  }
  return fd;
}

tl::expected<SocketAddress, std::error_code> local_address(int fd) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    return tl::unexpected(last_error());
  }
  return address;
}

tl::expected<UniqueFd, std::error_code> start_connect(const SocketAddress& address) {
  const int family = address.storage.ss_family;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return tl::unexpected(last_error());
  set_stream_options(fd.get(), family);
  if (::connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) {
    return tl::unexpected(last_error());
  }
  return fd;
}

std::error_code take_socket_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
  return {error, std::system_category()};
}

void set_stream_options(int fd, int family) noexcept {
  if (family == AF_UNIX) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

bool has_hung_up(int fd) noexcept {
  pollfd poll{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&poll, 1, 0) == 1 && poll.revents != 0;
}

IoResult receive(int fd, std::span<std::byte> into) noexcept {
  const ssize_t size = ::recv(fd, into.data(), into.size(), 0);
  if (size > 0) return {.kind = IoResult::Kind::done, .size = static_cast<std::size_t>(size)};
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {.kind = IoResult::Kind::would_block};
  return {.kind = IoResult::Kind::closed};
}

IoResult send(int fd, std::span<const std::byte> bytes) noexcept {
  const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (size >= 0) return {.kind = IoResult::Kind::done, .size = static_cast<std::size_t>(size)};
  if (errno == EAGAIN || errno == EINTR) return {.kind = IoResult::Kind::would_block};
  return {.kind = IoResult::Kind::closed};
}

}  // namespace loadline::net
