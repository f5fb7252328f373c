// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/reply.h"

#include <cstdint>

#include "proxy/wire/byte_order.h"

namespace loadline::postgres {
namespace {

void put_be32(std::uint32_t value, wire::ByteWriter& out) noexcept {
  for (int shift = 24; shift >= 0; shift -= 8) out.put(static_cast<std::byte>(value >> shift));
}

void put_field(char code, std::string_view value, wire::ByteWriter& out) noexcept {
  out.put(code);
  out.put(value.substr(0, value.find('\0')));  // A zero inside would end the field early.
  out.put('\0');
}

}  // namespace

void write_error(const ErrorFields& fields, wire::ByteWriter& out) noexcept {
  out.put('E');
  const std::size_t length_at = out.size();
  put_be32(0, out);
  put_field('S', fields.severity, out);
  put_field('V', fields.severity, out);
  put_field('C', fields.sqlstate, out);
  put_field('M', fields.message, out);
  if (!fields.detail.empty()) put_field('D', fields.detail, out);
  if (!fields.hint.empty()) put_field('H', fields.hint, out);
  out.put('\0');
  if (out.overflowed()) return;
  wire::store_be32(static_cast<std::uint32_t>(out.size() - length_at),
                   out.written().subspan(length_at).first<4>());
}

void write_ready_for_query(char status, wire::ByteWriter& out) noexcept {
  out.put('Z');
  put_be32(5, out);
  out.put(status);
}

std::string_view find_sqlstate(std::span<const std::byte> body) noexcept {
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  for (std::size_t at = 0; at < text.size() && text[at] != '\0';) {
    const auto end = text.find('\0', at);
    if (end == std::string_view::npos) break;
    if (text[at] == 'C') return text.substr(at + 1, end - at - 1);
    at = end + 1;
  }
  return {};
}

}  // namespace loadline::postgres
