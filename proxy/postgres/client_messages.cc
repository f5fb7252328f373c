// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/client_messages.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <optional>

#include "proxy/postgres/startup.h"
#include "proxy/wire/byte_order.h"

namespace loadline::postgres {
namespace {

constexpr std::uint32_t kProtocolVersion = 3U << 16U;
// A hint that asks for longer is taken for this.
constexpr std::chrono::milliseconds kRetryAfterMax = std::chrono::hours(1);

void put_be32(std::uint32_t value, std::string& out) {
  std::array<std::byte, 4> bytes = {};
  wire::store_be32(value, bytes);
  for (const std::byte byte : bytes) out += static_cast<char>(byte);
}

void put_be16(std::uint16_t value, std::string& out) {
  out += static_cast<char>(value >> 8U);
  out += static_cast<char>(value & 0xffU);
}

void put_text(std::string_view text, std::string& out) { out.append(text).push_back('\0'); }

// Keeps the place of a length and fills it in at the end of its scope.
class Length {
 public:
  explicit Length(std::string& out) : out_(out), begin_(out.size()) { put_be32(0, out); }
  Length(const Length&) = delete;
  Length& operator=(const Length&) = delete;
  ~Length() {
    std::array<std::byte, 4> bytes = {};
    wire::store_be32(static_cast<std::uint32_t>(out_.size() - begin_), bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) out_[begin_ + i] = static_cast<char>(bytes[i]);
  }

 private:
  std::string& out_;
  std::size_t begin_;
};

// Loadline's hints say `retry_after_ms=120`; a colon or a blank between is taken too.
std::optional<std::chrono::milliseconds> find_retry_after(std::string_view hint) {
  constexpr std::string_view kKey = "retry_after_ms";
  const std::size_t at = hint.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  hint.remove_prefix(at + kKey.size());
  hint.remove_prefix(std::min(hint.find_first_not_of("=: "), hint.size()));
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(hint.data(), hint.data() + hint.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) return kRetryAfterMax;
  if (parsed.ec != std::errc()) return std::nullopt;
  return std::min(kRetryAfterMax, std::chrono::milliseconds(value));
}

}  // namespace

void put_startup(const wire::ClientLogin& login, std::string& out) {
  const Length length(out);
  put_be32(kProtocolVersion, out);
  const auto put_setting = [&out](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    put_text(name, out);
    put_text(value, out);
  };
  put_setting("user", login.user);
  put_setting("database", login.database);
  put_setting("application_name", login.application_name);
  put_setting("options", login.options);
  out += '\0';
}

void put_authentication(std::string_view body, std::string& out) {
  out += 'p';
  const Length length(out);
  out += body;
}

void put_sasl_initial(std::string_view mechanism, std::string_view body, std::string& out) {
  out += 'p';
  const Length length(out);
  put_text(mechanism, out);
  put_be32(static_cast<std::uint32_t>(body.size()), out);
  out += body;
}

void put_query(std::string_view sql, std::string& out) {
  out += 'Q';
  const Length length(out);
  put_text(sql, out);
}

void put_parse(const ParseMessage& parse, std::string& out) {
  out += 'P';
  const Length length(out);
  put_text(parse.name, out);
  put_text(parse.sql, out);
  put_be16(0, out);  // The server finds the types of the parameters.
}

void put_bind(std::string_view name, std::span<const std::string> parameters, std::string& out) {
  assert(parameters.size() <= 0xffff);
  out += 'B';
  const Length length(out);
  put_text({}, out);
  put_text(name, out);
  put_be16(0, out);  // All values are text.
  put_be16(static_cast<std::uint16_t>(parameters.size()), out);
  for (const std::string& value : parameters) {
    put_be32(static_cast<std::uint32_t>(value.size()), out);
    out += value;
  }
  put_be16(0, out);  // All results too.
}

void put_execute(std::string& out) {
  out += 'E';
  const Length length(out);
  put_text({}, out);
  put_be32(0, out);  // All rows.
}

void put_sync(std::string& out) {
  out += 'S';
  const Length length(out);
}

void put_copy_fail(std::string_view why, std::string& out) {
  out += 'f';
  const Length length(out);
  put_text(why, out);
}

void put_terminate(std::string& out) {
  out += 'X';
  const Length length(out);
}

void put_cancel_request(std::string_view key, std::string& out) {
  const Length length(out);
  put_be32(kCancelRequestCode, out);
  out += key;
}

std::uint32_t load_be32(std::string_view bytes) noexcept {
  assert(bytes.size() >= 4);
  return wire::load_be32(std::as_bytes(std::span(bytes)).first<4>());
}

ParsedError parse_error(std::string_view body) {
  ParsedError parsed;
  while (!body.empty() && body[0] != '\0') {
    const char field = body[0];
    body.remove_prefix(1);
    const std::string_view value = body.substr(0, body.find('\0'));
    body.remove_prefix(std::min(value.size() + 1, body.size()));
    switch (field) {
      case 'S':  // Localised, so it counts only where it happens to be English (before 9.6: no V).
      case 'V':
        parsed.fatal = parsed.fatal || value == "FATAL" || value == "PANIC";
        break;
      case 'C':
        parsed.error.sqlstate = value;
        break;
      case 'M':
        parsed.error.message = value;
        break;
      case 'D':
        parsed.error.detail = value;
        break;
      case 'H':
        parsed.error.hint = value;
        break;
      default:
        break;
    }
  }
  parsed.error.retry_after = find_retry_after(parsed.error.hint);
  return parsed;
}

}  // namespace loadline::postgres
