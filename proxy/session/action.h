// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace loadline::session {

// What a session wants done. `bytes` are valid until the session's next call.
struct Action {
  enum class Kind : std::uint8_t {
    none,
    send_to_client,
    send_to_server,
    connect_server,    // Answer with on_server_connected() or on_connect_failed().
    register_key,      // Logged in: `bytes` are what a cancel request will name.
    cancel_elsewhere,  // This client only wants the session whose key is `bytes` to be cancelled.
    cancel_at_server,  // `bytes` is a cancel request: send it on a connection of its own.
    close_client,      // The client is gone or has been refused; the backend may still be busy.
    finish,            // Close what is open and forget the session.
  };

  Kind kind = Kind::none;
  std::span<const std::byte> bytes = {};
};

}  // namespace loadline::session
