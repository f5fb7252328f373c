// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The client side of a database protocol as its users see it: log in, run statements one at a time,
// hear how each ended. What speaks it is a codec (proxy/postgres, later proxy/mysql); what uses it
// (proxy/loadgen) knows no protocol.
namespace loadline::wire {

enum class QueryMode : std::uint8_t {
  simple,    // The statement as one text.
  extended,  // Parsed and bound anew for every run, values apart from the text.
  prepared,  // Parsed once per connection and text, then only bound.
};

struct ClientLogin {
  std::string user = {};
  std::string password = {};
  std::string database = {};
  std::string application_name = {};
  std::string options = {};
  QueryMode mode = QueryMode::simple;
};

// Fresh random bytes for one login. Passed in, so that a codec stays a function of its inputs.
using Entropy = std::array<std::byte, 18>;

enum class TransactionState : std::uint8_t { idle, open, failed };

struct ServerError {
  std::string sqlstate = {};  // Five characters. 08006 if the connection ended without a reason.
  std::string message = {};
  std::string detail = {};
  std::string hint = {};
  // What a `retry_after_ms` in the hint asks for.
  std::optional<std::chrono::milliseconds> retry_after = {};
};

struct ClientEvent {
  enum class Kind : std::uint8_t {
    none,    // Nothing more for now.
    ready,   // Logged in, or the statement is over: the next one may be sent.
    error,   // The running statement failed; `ready` follows.
    closed,  // The dialogue is over, `error` says why. The last event there is.
  };
  Kind kind = Kind::none;
  TransactionState transaction = TransactionState::idle;  // With `ready`: as the server told it.
  std::uint64_t rows = 0;                                 // With `ready`: rows of the statement.
  ServerError error = {};
};

// One connection's dialogue. Sans-I/O: owns no socket and no clock, and is not thread-safe. Bytes
// come in cut anywhere; events and output are drained by the caller after every call.
class ClientDialogue {
 public:
  ClientDialogue() = default;
  ClientDialogue(const ClientDialogue&) = delete;
  ClientDialogue& operator=(const ClientDialogue&) = delete;
  virtual ~ClientDialogue() = default;

  // Consumes all of `bytes`. Rows are counted as they pass and never held.
  virtual void on_bytes(std::span<const std::byte> bytes) = 0;
  virtual void on_peer_closed() = 0;
  [[nodiscard]] virtual ClientEvent next_event() = 0;

  // Moves what is to be sent to the end of `out`.
  virtual void take_output(std::string& out) = 0;

  // Runs one statement. Legal once after each `ready`. `parameters` (as text) must be empty in
  // simple mode.
  virtual void query(std::string_view sql, std::span<const std::string> parameters) = 0;

  // Says goodbye. The caller closes once the output is sent.
  virtual void end() = 0;

  // What to send on a connection of its own to cancel the running statement, which is then closed
  // by the server. Empty if the server gave no key for it.
  [[nodiscard]] virtual std::string cancel_request() const = 0;
};

// Makes the dialogues of one thread, and may remember what is dear to compute twice.
class ClientDialogues {
 public:
  ClientDialogues() = default;
  ClientDialogues(const ClientDialogues&) = delete;
  ClientDialogues& operator=(const ClientDialogues&) = delete;
  virtual ~ClientDialogues() = default;

  [[nodiscard]] virtual std::unique_ptr<ClientDialogue> open(const ClientLogin& login,
                                                             const Entropy& entropy) = 0;
};

// What a program must know of a protocol to reach a server by URL and to read its refusals.
struct ClientProtocol {
  std::vector<std::string_view> schemes = {};  // As in `postgres://`.
  std::uint16_t port_default = 0;
  std::string_view password_variable = {};            // The customary environment variable.
  std::vector<std::string_view> shed_sqlstates = {};  // Refusals for want of room, not failures.
  std::string (*socket_name)(std::uint16_t port) = nullptr;  // The Unix socket's file name.
  std::unique_ptr<ClientDialogues> (*dialogues)() = nullptr;
};

}  // namespace loadline::wire
