// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace loadline::loadgen {
namespace {

// Nothing if a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

// What is before `separator`, taken off the front of `text`; all of it if there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

class TargetParser {
 public:
  explicit TargetParser(Target target) : target_(std::move(target)) {}

  tl::expected<Target, std::string> parse(std::string_view rest) {
    const std::size_t question = std::min(rest.find('?'), rest.size());
    std::string_view query = rest.substr(std::min(question + 1, rest.size()));
    rest = rest.substr(0, question);
    std::string_view authority = take_until(rest, '/');
    set("database", rest);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      std::string_view credentials = authority.substr(0, at);
      authority.remove_prefix(at + 1);
      set("user", take_until(credentials, ':'));
      set("password", credentials);
    }
    parse_host(authority);
    while (!query.empty()) {
      std::string_view value = take_until(query, '&');
      const std::string_view name = take_until(value, '=');
      set(name, value);
    }
    if (!error_.empty()) return tl::unexpected(error_);
    if (target_.host.empty()) target_.host = "localhost";
    if (target_.login.database.empty()) target_.login.database = target_.login.user;
    return target_;
  }

 private:
  void parse_host(std::string_view authority) {
    if (authority.starts_with('[')) {
      authority.remove_prefix(1);
      set("host", take_until(authority, ']'));
      if (authority.starts_with(':')) set("port", authority.substr(1));
      return;
    }
    set("host", take_until(authority, ':'));
    set("port", authority);
  }

  void set(std::string_view name, std::string_view encoded) {
    if (encoded.empty()) return;
    const auto value = decoded(encoded);
    if (!value) return fail(fmt::format("{}: a % must be followed by two hex digits", name));
    if (name == "database" || name == "dbname") {
      target_.login.database = *value;
    } else if (name == "user") {
      target_.login.user = *value;
    } else if (name == "password") {
      target_.login.password = *value;
    } else if (name == "host") {
      target_.host = *value;
    } else if (name == "port") {
      const char* const end = value->data() + value->size();
      const auto parsed = std::from_chars(value->data(), end, target_.port);
      if (parsed.ec != std::errc() || parsed.ptr != end || target_.port == 0) {
        fail(fmt::format("expected a port from 1 to 65535, got '{}'", *value));
      }
    } else if (name == "options") {
      target_.login.options = *value;
    } else if (name == "sslmode") {
      if (*value != "disable" && *value != "allow" && *value != "prefer") {
        fail(fmt::format("sslmode={}: TLS is not supported yet", *value));
      }
    } else {
      fail(
          fmt::format("unknown setting '{}' (known: dbname, host, options, password, port, "
                      "sslmode, user)",
                      name));
    }
  }

  void fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
  }

  Target target_;
  std::string error_ = {};
};

}  // namespace

tl::expected<Target, std::string> parse_target(
    std::string_view url, std::span<const wire::ClientProtocol* const> protocols) {
  const std::size_t colon = url.find("://");
  std::string known;
  for (const wire::ClientProtocol* const protocol : protocols) {
    for (const std::string_view scheme : protocol->schemes) {
      if (colon != std::string_view::npos && url.substr(0, colon) == scheme) {
        return TargetParser({.protocol = protocol, .port = protocol->port_default})
            .parse(url.substr(colon + 3));
      }
      known.append(known.empty() ? "" : ", ").append(scheme).append("://");
    }
  }
  return tl::unexpected(fmt::format("expected a URL that begins with one of: {}", known));
}

std::string to_text(const Target& target) {
  const std::string scheme(target.protocol->schemes.front());
  if (target.host.starts_with('/')) {
    return fmt::format("{}://{}@/{}?host={}&port={}", scheme, target.login.user,
                       target.login.database, target.host, target.port);
  }
  const bool is_ipv6 = target.host.find(':') != std::string::npos;
  return fmt::format("{}://{}@{}{}{}:{}/{}", scheme, target.login.user, is_ipv6 ? "[" : "",
                     target.host, is_ipv6 ? "]" : "", target.port, target.login.database);
}

}  // namespace loadline::loadgen
