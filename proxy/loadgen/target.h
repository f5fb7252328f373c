// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "proxy/wire/client_dialogue.h"

namespace loadline::loadgen {

// A server to put under load, and as whom.
struct Target {
  const wire::ClientProtocol* protocol = nullptr;
  std::string host = {};  // Begins with '/': the folder of a Unix socket.
  std::uint16_t port = 0;
  wire::ClientLogin login = {};
};

// `scheme://user:password@host:port/database?host=/run/x&port=1&options=...`, everything but the
// scheme optional and percent-encoded where needed; the query wins. An IPv6 address goes in
// brackets. Without a host: localhost. The error is for a person and doesn't quote the password.
[[nodiscard]] tl::expected<Target, std::string> parse_target(
    std::string_view url, std::span<const wire::ClientProtocol* const> protocols);

// For reports: without the password.
[[nodiscard]] std::string to_text(const Target& target);

}  // namespace loadline::loadgen
