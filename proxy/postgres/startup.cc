// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/startup.h"

#include <algorithm>

#include "proxy/wire/byte_order.h"

namespace loadline::postgres {
namespace {

constexpr std::size_t kPrefixSize = 8;  // Length, counting itself, and code.

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_replication(std::string_view value) noexcept {
  constexpr std::string_view kNo[] = {"", "0", "f", "false", "n", "no", "off", "of"};
  return std::ranges::find(kNo, value) == std::end(kNo);
}

// Takes one zero-terminated string off the front. False: there is no terminator.
bool take_text(std::string_view& rest, std::string_view& text) noexcept {
  const auto end = rest.find('\0');
  if (end == std::string_view::npos) return false;
  text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

// Name and value pairs, ended by an empty name that is the packet's last byte.
bool parse_parameters(std::string_view body, Startup& startup) noexcept {
  for (;;) {
    std::string_view name;
    std::string_view value;
    if (!take_text(body, name)) return false;
    if (name.empty()) return body.empty();
    if (!take_text(body, value)) return false;
    if (name == "user") {
      startup.user = value;
    } else if (name == "database") {
      startup.database = value;
    } else if (name == "application_name") {
      startup.application = value;
    } else if (name == "replication") {
      startup.replication = is_replication(value);
    }
  }
}

}  // namespace

Startup parse_startup(std::span<const std::byte> input) noexcept {
  Startup startup;
  if (input.size() < kPrefixSize) return startup;

  const std::uint32_t size = wire::load_be32(input.first<4>());
  const std::uint32_t code = wire::load_be32(input.subspan<4, 4>());
  if (size < kPrefixSize || size > kStartupSizeMax) {
    startup.kind = Startup::Kind::malformed;
    return startup;
  }
  startup.size = size;

  if (code == kSslRequestCode || code == kGssencRequestCode) {
    const auto kind =
        code == kSslRequestCode ? Startup::Kind::ssl_request : Startup::Kind::gssenc_request;
    startup.kind = size == kPrefixSize ? kind : Startup::Kind::malformed;
    return startup;
  }
  if (input.size() < size) return startup;

  const auto body = input.first(size).subspan(kPrefixSize);
  if (code == kCancelRequestCode) {
    const bool sound = body.size() >= kCancelKeySizeMin && body.size() <= kCancelKeySizeMax;
    startup.kind = sound ? Startup::Kind::cancel_request : Startup::Kind::malformed;
    startup.cancel_key = body;
    return startup;
  }

  startup.version = code;
  if (code >> 16U != 3) {
    startup.kind = Startup::Kind::unsupported;
    return startup;
  }
  const bool sound = parse_parameters(as_text(body), startup);
  startup.kind = !sound                 ? Startup::Kind::malformed
                 : startup.user.empty() ? Startup::Kind::nobody
                                        : Startup::Kind::session;
  if (startup.database.empty()) startup.database = startup.user;
  return startup;
}

}  // namespace loadline::postgres
