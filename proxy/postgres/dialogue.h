// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/postgres/backend_stream.h"
#include "proxy/postgres/startup.h"
#include "proxy/wire/dialogue.h"

namespace loadline::postgres {

// PostgreSQL protocol 3.x, session pooling: authentication and everything else passes through as it
// is; only the beginnings and ends of operations are told. docs/postgres.md has the protocol notes.
class Dialogue final : public wire::Dialogue {
 public:
  [[nodiscard]] wire::ClientStep next_client(std::span<const std::byte> input) noexcept override;
  [[nodiscard]] wire::ServerStep next_server(std::span<const std::byte> input) noexcept override;
  void backend_connected() noexcept override;
  void admit() noexcept override;
  [[nodiscard]] std::span<const std::byte> refuse(const wire::Refusal& refusal,
                                                  std::span<std::byte> out) noexcept override;
  [[nodiscard]] std::span<const std::byte> write_farewell(
      wire::Farewell why, std::string_view detail, std::span<std::byte> out) noexcept override;
  [[nodiscard]] std::span<const std::byte> goodbye() const noexcept override;
  [[nodiscard]] std::span<const std::byte> write_cancel(
      std::span<const std::byte> key, std::span<std::byte> out) const noexcept override;

  [[nodiscard]] std::uint32_t owed() const noexcept override { return owed_; }
  [[nodiscard]] bool answers_due() const noexcept override {
    return owed_ > 0 || (batch_open_ && !batch_begun_ && batch_replies_owed_ > 0);
  }
  [[nodiscard]] std::span<const std::byte> ask_for_answers() const noexcept override;
  [[nodiscard]] bool engaged() const noexcept override { return owed_ > 0 || batch_open_; }
  [[nodiscard]] bool has_work() const noexcept override { return owed_ > 0 || batch_begun_; }
  [[nodiscard]] bool in_transaction() const noexcept override { return status_ != 'I'; }
  [[nodiscard]] bool at_rest() const noexcept override;
  [[nodiscard]] bool server_mid_message() const noexcept override { return server_.mid_message(); }
  [[nodiscard]] bool awaits_client() const noexcept override;
  [[nodiscard]] wire::ReplyOutcome reply_outcome() const noexcept override { return outcome_; }
  [[nodiscard]] std::span<const std::byte> cancel_key() const noexcept override {
    return std::as_bytes(std::span(cancel_key_));
  }
  [[nodiscard]] std::string_view application() const noexcept override { return application_; }
  [[nodiscard]] const sql::Dialect& dialect() const noexcept override;

 private:
  enum class Phase : std::uint8_t {
    startup,         // Before the start-up packet is complete.
    connecting,      // It is complete; the backend isn't connected yet.
    authentication,  // Until the first ReadyForQuery.
    session,
  };
  enum class Body : std::uint8_t { forward, discard };

  struct Message {
    char tag = 0;
    std::size_t size = 0;  // Whole, header included.
    // As much of the body as the input holds.
    std::span<const std::byte> body = {};
  };

  [[nodiscard]] wire::ClientStep next_startup(std::span<const std::byte> input) noexcept;
  [[nodiscard]] wire::ClientStep decline(bool& asked, std::size_t size) noexcept;
  [[nodiscard]] wire::ClientStep next_message(std::span<const std::byte> input) noexcept;
  [[nodiscard]] bool must_announce(char tag) const noexcept;
  [[nodiscard]] wire::ClientStep announce(const Message& message, std::size_t available) noexcept;
  [[nodiscard]] wire::ClientStep take(const Message& message, std::size_t available,
                                      Body body) noexcept;
  [[nodiscard]] wire::ClientStep discard_to_sync(const Message& message,
                                                 std::size_t available) noexcept;
  [[nodiscard]] wire::ClientStep broken(std::string_view sqlstate, std::string_view what) noexcept;
  void on_forwarded(char tag) noexcept;
  void end_batch() noexcept;

  void on_server_message(char tag, wire::ServerStep& step) noexcept;
  void on_copy_in() noexcept;
  void on_error() noexcept;
  void on_ready(wire::ServerStep& step) noexcept;
  void on_parameter() noexcept;

  // Client's side.
  Phase phase_ = Phase::startup;
  Body client_body_ = Body::forward;
  bool ssl_asked_ = false;
  bool gssenc_asked_ = false;
  bool admitted_ = false;         // The statement at the front has been.
  bool batch_open_ = false;       // Extended messages have been forwarded since the last Sync.
  bool batch_begun_ = false;      // ... and not only ones that do nothing: Close, Describe, Flush.
  bool batch_flushed_ = false;    // The last of them was a Flush.
  bool discard_to_sync_ = false;  // A refused batch.
  std::uint16_t startup_size_ = 0;
  std::uint32_t client_body_left_ = 0;  // Of the message at the front: bytes still to come.
  char announced_tag_ = 0;
  std::size_t announced_size_ = 0;

  // Server's side.
  BackendStream server_;
  char status_ = 'I';
  bool logged_in_ = false;
  bool failed_ = false;    // An ErrorResponse has come since the last ReadyForQuery.
  bool overload_ = false;  // ... and said that the server lacks something.
  wire::ReplyOutcome outcome_ = wire::ReplyOutcome::ok;
  std::uint32_t owed_ = 0;
  std::uint32_t batch_replies_owed_ = 0;  // For extended messages since the last Sync.

  // COPY FROM STDIN: the server ignores a Sync until the copy ends, and answers it never.
  bool copy_in_ = false;
  bool bound_ = false;  // BindComplete has come since the last ReadyForQuery: extended protocol.
  bool copy_end_sent_ =
      false;  // CopyDone or CopyFail went out before the server asked for data, ...
  std::uint32_t owed_at_copy_end_ = 0;  // ... behind this many requests.

  std::string cancel_key_;
  std::string application_;
  std::array<std::byte, 256> reply_;  // Protocol errors and short answers.
};

}  // namespace loadline::postgres
