// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/wire/client_dialogue.h"

namespace loadline::postgres {

// What a client sends. Each appends one message to `out`.
void put_startup(const wire::ClientLogin& login, std::string& out);
// Password, SCRAM's later messages: tag `p` and the bytes as they are.
void put_authentication(std::string_view body, std::string& out);
void put_sasl_initial(std::string_view mechanism, std::string_view body, std::string& out);
void put_query(std::string_view sql, std::string& out);
struct ParseMessage {
  std::string_view name = {};  // Empty: the unnamed statement.
  std::string_view sql = {};
};
void put_parse(const ParseMessage& parse, std::string& out);
// Binds text values to the unnamed portal of the statement, asks for text results.
void put_bind(std::string_view name, std::span<const std::string> parameters, std::string& out);
void put_execute(std::string& out);
void put_sync(std::string& out);
void put_copy_fail(std::string_view why, std::string& out);
void put_terminate(std::string& out);
// `key` is the body of BackendKeyData.
void put_cancel_request(std::string_view key, std::string& out);

[[nodiscard]] std::uint32_t load_be32(std::string_view bytes) noexcept;

struct ParsedError {
  wire::ServerError error = {};
  bool fatal = false;  // The server closes the connection next.
};
// Reads the body of an ErrorResponse, or as much of it as there is.
[[nodiscard]] ParsedError parse_error(std::string_view body);

}  // namespace loadline::postgres
