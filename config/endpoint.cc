// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "config/units.h"

namespace loadline::config {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
// sockaddr_un holds 108 bytes, one of them the terminator.
constexpr std::size_t kUnixPathMax = 107;
constexpr std::size_t kHostMax = 253;  // RFC 1035, section 2.3.4, in presentation form.

// The bytes of a numeric address, none if it is not one.
std::vector<std::uint8_t> numeric_address(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes = {};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return {bytes.begin(), bytes.begin() + 4};
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) {
    return {bytes.begin(), bytes.end()};
  }
  return {};
}

[[nodiscard]] bool is_host_name(std::string_view host) noexcept {
  const bool has_letter = std::any_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  const bool is_clean = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  return has_letter && is_clean && host.size() <= kHostMax;
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) {
    const std::string_view path = text.substr(kUnixPrefix.size());
    if (path.size() < 2 || path.front() != '/' || path.size() > kUnixPathMax) return std::nullopt;
    return Endpoint{.host = {}, .port = 0, .unix_path = std::string(path)};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;

  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (numeric_address(host).size() != 16) return std::nullopt;
  } else if (numeric_address(host).size() != 4 && !is_host_name(host)) {
    return std::nullopt;
  }
  return Endpoint{
      .host = std::string(host), .port = static_cast<std::uint16_t>(*port), .unix_path = {}};
}

std::string to_text(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return fmt::format("{}{}", kUnixPrefix, endpoint.unix_path);
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                 : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

std::optional<AddressRange> parse_address_range(std::string_view text) {
  if (text == "unix") return AddressRange{.is_unix = true, .address = {}, .prefix_bits = 0};
  const std::size_t slash = std::min(text.size(), text.find('/'));
  AddressRange range;
  range.address = numeric_address(text.substr(0, slash));
  if (range.address.empty()) return std::nullopt;
  const std::size_t bits_max = range.address.size() * 8;
  const std::optional<std::uint64_t> bits =
      slash == text.size() ? bits_max : parse_count(text.substr(slash + 1));
  if (!bits || *bits > bits_max) return std::nullopt;
  range.prefix_bits = static_cast<std::uint8_t>(*bits);
  return range;
}

}  // namespace loadline::config
