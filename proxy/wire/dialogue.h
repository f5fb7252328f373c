// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/sql/scan.h"

namespace loadline::wire {

// The most bytes of client input that a dialogue asks to see at once: enough for the tags of nearly
// every statement, and what bounds a connection's memory. Of a longer statement the beginning
// counts.
inline constexpr std::size_t kPeekMax = 16 * 1024;
// Room that a reply of a dialogue's own needs at most.
inline constexpr std::size_t kReplyMax = 2 * 1024;

// Who connects, as the start-up packet says. Views into the input; valid until the next call.
struct Login {
  std::string_view user;
  std::string_view database;
  std::string_view application;
  // The client wants a replication stream or another conversation that admission must stay out of.
  bool ungated = false;
};

// A statement that is about to go to the database.
struct Statement {
  bool has_text = false;  // Otherwise it is known by `name_hash` or not at all.
  std::string_view text;  // SQL or its beginning.
  bool text_cut = false;  // More text follows, which is too long to look at.
  // Set if the client named the statement, for later use or from earlier: what was learnt of the
  // text then holds now.
  std::uint64_t name_hash = 0;
  // False: it belongs to a batch whose first statement has been announced; it can't be refused any
  // more, since what went before it would be committed without it.
  bool starts_batch = true;
};

// What the front of the client's bytes means.
struct ClientStep {
  enum class Kind : std::uint8_t {
    need_more,  // Nothing. Feed the same bytes again with more behind them.
    forward,    // `size` bytes are for the backend.
    discard,    // `size` bytes are of no further use.
    reply,      // `size` bytes are used up; answer with `reply`.
    login,   // `login` asks for a session. Connect a backend, then go on: nothing is used up yet.
    cancel,  // `reply` is the key of a session whose statement shall be cancelled; `size` used up.
    statement,  // `statement` comes next. Call admit() or refuse(), then go on: nothing used up
                // yet.
    leave,      // `size` bytes for the backend, and then the client wants nothing any more.
    broken,     // No client of this protocol sends that. Answer with `reply`, then close.
  };

  Kind kind = Kind::need_more;
  std::size_t size = 0;
  std::span<const std::byte> reply = {};
  Login login = {};
  Statement statement = {};
};

// What the front of the backend's bytes means: `size` bytes are for the client, and then `event`.
struct ServerStep {
  enum class Event : std::uint8_t {
    none,       // All bytes have been used up.
    logged_in,  // The session is open; cancel_key() is known. Replies are owed no more.
    ready,      // One reply is complete.
    renamed,    // The client goes by another application() now.
    broken,     // No server of this protocol sends that. `size` is 0.
  };

  std::size_t size = 0;
  Event event = Event::none;
};

// How the last complete reply ended.
enum class ReplyOutcome : std::uint8_t { ok, error, overload };

// An answer to a statement that never reaches the database.
struct Refusal {
  enum class Kind : std::uint8_t {
    shed,       // `code` is the configured error code.
    cancelled,  // At the client's own wish, while it waited. `code` is the protocol's own.
  };

  Kind kind = Kind::shed;
  std::string_view code = {};
  std::string_view message = {};
  std::string_view detail = {};
  std::string_view hint = {};
};

// Why a connection ends.
enum class Farewell : std::uint8_t {
  too_many_clients,
  too_many_backends,
  draining,       // Refused at login: this proxy takes no new sessions.
  shutting_down,  // An open session is closed between two operations.
  login_timeout,
  upstream_unreachable,
  upstream_lost,  // In the middle of the session.
  bad_bytes_from_upstream,
};

// One client and its backend in the terms of their protocol: bytes in, meaning out. Owns no socket
// and no clock, never holds a message that it doesn't have to read, allocates nothing per message.
//
// Not thread-safe. Spans and views returned point into the input or into the dialogue, and are
// valid until its next call.
class Dialogue {
 public:
  Dialogue() = default;
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;
  virtual ~Dialogue() = default;

  // Whatever the cut of the stream into calls, the steps say the same. Requires non-empty input.
  [[nodiscard]] virtual ClientStep next_client(std::span<const std::byte> input) noexcept = 0;
  [[nodiscard]] virtual ServerStep next_server(std::span<const std::byte> input) noexcept = 0;

  // After ClientStep::login, when the backend is connected: the start-up packet is forwarded next.
  virtual void backend_connected() noexcept = 0;

  // After ClientStep::statement.
  virtual void admit() noexcept = 0;
  // Returns the answer, of at most kReplyMax bytes, written to `out`. What the client sends of the
  // refused operation is then discarded. Requires that no answer is due.
  [[nodiscard]] virtual std::span<const std::byte> refuse(const Refusal& refusal,
                                                          std::span<std::byte> out) noexcept = 0;

  // The last words to a client, or nothing where the protocol leaves no room for any (in the middle
  // of a message).
  [[nodiscard]] virtual std::span<const std::byte> write_farewell(
      Farewell why, std::string_view detail, std::span<std::byte> out) noexcept = 0;
  // A polite end towards the backend.
  [[nodiscard]] virtual std::span<const std::byte> goodbye() const noexcept = 0;
  // What a client sends, on a connection of its own, to cancel the statement of the session `key`.
  [[nodiscard]] virtual std::span<const std::byte> write_cancel(
      std::span<const std::byte> key, std::span<std::byte> out) const noexcept = 0;

  // Replies that the backend still owes for what was forwarded.
  [[nodiscard]] virtual std::uint32_t owed() const noexcept = 0;
  // Something of an answer is still to come before a refusal may be written: a whole reply, or what
  // the beginning of a batch (the closing of a statement, say) brings about. ask_for_answers()
  // makes the backend give the latter without waiting for the rest of the batch.
  [[nodiscard]] virtual bool answers_due() const noexcept = 0;
  [[nodiscard]] virtual std::span<const std::byte> ask_for_answers() const noexcept = 0;
  // The backend has something to do, or part of it: a reply is owed, or a batch is open.
  [[nodiscard]] virtual bool engaged() const noexcept = 0;
  // A reply is owed, or an open batch holds a statement: less than engaged(), which a batch is from
  // its first message on, were it only the closing of a statement.
  [[nodiscard]] virtual bool has_work() const noexcept = 0;
  // By the backend's last word: an open transaction, sound or failed.
  [[nodiscard]] virtual bool in_transaction() const noexcept = 0;
  // Nothing is under way on either side: no open message, batch, reply or transaction.
  [[nodiscard]] virtual bool at_rest() const noexcept = 0;
  // The backend is in the middle of a message, so nothing of ours may go to the client.
  [[nodiscard]] virtual bool server_mid_message() const noexcept = 0;
  // The backend can't go on before the client sends more.
  [[nodiscard]] virtual bool awaits_client() const noexcept = 0;
  [[nodiscard]] virtual ReplyOutcome reply_outcome() const noexcept = 0;
  // What identifies this session in a cancel request. Empty before logged_in.
  [[nodiscard]] virtual std::span<const std::byte> cancel_key() const noexcept = 0;
  // The application's name as the server last reported it. Empty before it has.
  [[nodiscard]] virtual std::string_view application() const noexcept = 0;
  [[nodiscard]] virtual const sql::Dialect& dialect() const noexcept = 0;
};

}  // namespace loadline::wire
