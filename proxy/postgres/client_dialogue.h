// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/postgres/scram.h"
#include "proxy/wire/client_dialogue.h"

namespace loadline::postgres {

// The client's side of protocol 3.0: login (trust, password, md5, SCRAM-SHA-256), then statements
// in any of the three query modes. No TLS. Copying from the client is refused with CopyFail, so
// that a script which asks for it gets an error and not a silence.
class ClientDialogue final : public wire::ClientDialogue {
 public:
  // Of an error, a login message: what is longer is cut, its rest streams past.
  static constexpr std::size_t kGatheredMax = std::size_t{64} * 1024;
  // Prepared statements of one connection. Further texts are parsed anew for every run.
  static constexpr std::size_t kPreparedMax = 256;

  // `memo` must outlive the dialogue.
  ClientDialogue(const wire::ClientLogin& login, const wire::Entropy& entropy, ScramKeyMemo& memo);

  void on_bytes(std::span<const std::byte> bytes) override;
  void on_peer_closed() override;
  [[nodiscard]] wire::ClientEvent next_event() override;
  void take_output(std::string& out) override;
  void query(std::string_view sql, std::span<const std::string> parameters) override;
  void end() override;
  [[nodiscard]] std::string cancel_request() const override;

 private:
  enum class State : std::uint8_t {
    logging_in,  // Until the first ReadyForQuery.
    ready,       // A statement may be sent.
    busy,        // Until the statement's ReadyForQuery.
    closed,      // For good.
  };

  [[nodiscard]] bool begin_message();
  void on_message();
  void on_authentication();
  void on_sasl(std::uint32_t request, std::string_view body);
  void on_error();
  void on_ready();
  void on_copy_in();
  void close(wire::ServerError error);
  void fail_login(std::string_view why);
  void send_parsed(std::string_view sql, std::span<const std::string> parameters);

  wire::ClientLogin login_;
  std::string nonce_;
  ScramKeyMemo& memo_;
  std::optional<ScramClient> scram_ = {};
  bool server_verified_ = false;  // Meaningful once scram_ is set.

  State state_ = State::logging_in;
  std::string output_ = {};
  std::deque<wire::ClientEvent> events_ = {};
  std::uint64_t rows_ = 0;
  std::string cancel_key_ = {};

  // The message under way: its header's bytes, then its body, gathered or streaming past.
  std::array<std::byte, 5> header_ = {};
  std::size_t header_size_ = 0;
  std::uint32_t body_left_ = 0;
  bool gathering_ = false;
  std::string body_ = {};

  std::map<std::string, std::string, std::less<>> prepared_ = {};  // Text to name.
  std::string preparing_ = {};  // The text whose ParseComplete is due. Empty: none to remember.
  std::uint64_t names_given_ = 0;
};

// How to reach a Postgres server, and which of its refusals are for want of room.
[[nodiscard]] const wire::ClientProtocol& client_protocol();

}  // namespace loadline::postgres
