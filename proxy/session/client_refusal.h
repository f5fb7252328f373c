// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace loadline::session {

// Why a connection was refused or cut before or after login; metric label `reason`.
enum class ClientRefusal : std::uint8_t {
  too_many_clients,   // The listener's clients_max.
  too_many_backends,  // The pool's backends_max.
  draining,
  login_timeout,
  protocol_error,  // Bytes that no client of this protocol sends.
  upstream_unreachable,
  out_of_descriptors,  // accept() found no file descriptor free.
};
inline constexpr std::size_t kClientRefusalCount = 7;

}  // namespace loadline::session
