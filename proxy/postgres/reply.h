// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "proxy/wire/byte_writer.h"

namespace loadline::postgres {

// Parts of an ErrorResponse. Empty detail and hint are left out.
struct ErrorFields {
  std::string_view severity = "ERROR";  // FATAL: the connection is closed next.
  std::string_view sqlstate;
  std::string_view message;
  std::string_view detail = {};
  std::string_view hint = {};
};

void write_error(const ErrorFields& fields, wire::ByteWriter& out) noexcept;
// `status`: I idle, T in a transaction, E in a failed one.
void write_ready_for_query(char status, wire::ByteWriter& out) noexcept;

// SQLSTATE within the body of an ErrorResponse or its beginning; empty if not there.
[[nodiscard]] std::string_view find_sqlstate(std::span<const std::byte> body) noexcept;

}  // namespace loadline::postgres
