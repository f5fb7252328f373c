// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <tl/expected.hpp>

#include "config/config.h"
#include "proxy/net/unique_fd.h"
#include "proxy/session/classifier.h"

namespace loadline::net {

// A socket address of any family.
struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

// "127.0.0.1:6432", "[::1]:6432", "unix:/path", "unix" for an unnamed Unix socket.
[[nodiscard]] std::string to_string(const SocketAddress& address);
// For a Unix socket or a numeric host only: asks no name server. Fails with invalid_argument for a
// name.
[[nodiscard]] tl::expected<SocketAddress, std::error_code> to_numeric_address(
    const config::Endpoint& endpoint);
[[nodiscard]] session::ClientAddress to_client_address(const SocketAddress& address) noexcept;

// All sockets are non-blocking and close-on-exec.

// The socket file of a listener that has died without removing it is replaced; one that somebody
// answers on is "address in use".
[[nodiscard]] tl::expected<UniqueFd, std::error_code> listen_on(const SocketAddress& address);
[[nodiscard]] tl::expected<SocketAddress, std::error_code> local_address(int fd);
// Connecting goes on after this returns: writable means done, see take_socket_error().
[[nodiscard]] tl::expected<UniqueFd, std::error_code> start_connect(const SocketAddress& address);
[[nodiscard]] std::error_code take_socket_error(int fd) noexcept;
// No delay, keep-alive: for accepted sockets. A Unix socket has neither.
void set_stream_options(int fd, int family) noexcept;

// The other side has closed, or at least ended its stream, whatever is still to be read.
[[nodiscard]] bool has_hung_up(int fd) noexcept;

struct IoResult {
  enum class Kind : std::uint8_t { done, would_block, closed };
  Kind kind = Kind::done;
  std::size_t size = 0;
};

// `closed`: end of stream, reset, or any error: to a proxy they are one.
[[nodiscard]] IoResult receive(int fd, std::span<std::byte> into) noexcept;
[[nodiscard]] IoResult send(int fd, std::span<const std::byte> bytes) noexcept;

}  // namespace loadline::net
