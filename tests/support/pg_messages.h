// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

// Postgres messages, spelt out by hand: what the codec is tested with must not come from the codec.
namespace loadline::test {

inline std::string be32(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}
inline std::string be16(std::uint16_t value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value)};
}
inline std::string cstr(std::string_view text) { return std::string(text) + '\0'; }

inline std::string message(char tag, std::string_view body) {
  return std::string(1, tag) + be32(static_cast<std::uint32_t>(body.size() + 4)) +
         std::string(body);
}

// ---- What clients send.
inline std::string untagged(std::uint32_t code, std::string_view body = {}) {
  return be32(static_cast<std::uint32_t>(body.size() + 8)) + be32(code) + std::string(body);
}
inline std::string startup(std::initializer_list<std::string_view> pairs = {"user", "ann"}) {
  std::string body;
  for (const auto part : pairs) body += cstr(part);
  return untagged(196608, body + '\0');
}
inline std::string query(std::string_view sql) { return message('Q', cstr(sql)); }
inline std::string parse(std::string_view name, std::string_view sql) {
  return message('P', cstr(name) + cstr(sql) + be16(0));
}
inline std::string bind(std::string_view portal, std::string_view name) {
  return message('B', cstr(portal) + cstr(name) + be16(0) + be16(0) + be16(0));
}
inline std::string execute(std::string_view portal = {}) {
  return message('E', cstr(portal) + be32(0));
}
inline std::string close_statement(std::string_view name) { return message('C', 'S' + cstr(name)); }
inline std::string sync() { return message('S', {}); }
inline std::string flush() { return message('H', {}); }
inline std::string terminate() { return message('X', {}); }
inline std::string copy_data(std::string_view rows) { return message('d', rows); }
inline std::string copy_done() { return message('c', {}); }

// ---- What servers send.
inline std::string ready(char status = 'I') { return message('Z', std::string(1, status)); }
inline std::string authentication_ok() { return message('R', be32(0)); }
inline std::string key_data(std::uint32_t pid, std::uint32_t secret) {
  return message('K', be32(pid) + be32(secret));
}
inline std::string parameter(std::string_view name, std::string_view value) {
  return message('S', cstr(name) + cstr(value));
}
inline std::string command_complete(std::string_view tag = "SELECT 1") {
  return message('C', cstr(tag));
}
inline std::string data_row(std::string_view bytes) { return message('D', bytes); }
inline std::string copy_in_response() { return message('G', std::string(1, '\0') + be16(0)); }
inline std::string error_response(std::string_view sqlstate) {
  return message('E', cstr("SERROR") + cstr("VERROR") + cstr("C" + std::string(sqlstate)) +
                          cstr("Mno") + '\0');
}
// The whole beginning of a session, as a server without a password answers it.
inline std::string logged_in(std::uint32_t pid = 7, std::uint32_t secret = 42) {
  return authentication_ok() + parameter("server_version", "15.1") + key_data(pid, secret) +
         ready();
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace loadline::test
