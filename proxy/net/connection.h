// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "proxy/net/buffer_pool.h"
#include "proxy/net/event_loop.h"
#include "proxy/net/route.h"
#include "proxy/net/socket.h"
#include "proxy/session/session.h"

namespace loadline::net {

class Worker;

// Keeps whoever asked for a cancel waiting until its last copy is gone: a client may take the end
// of its cancel connection for the sign that the request has been delivered.
using CancelTicket = std::shared_ptr<void>;

// One client's socket, its backend's socket, and the session between them: does what the session
// says, and reads from a side only while the other takes what comes. Lives and dies on one worker.
class Connection {
 public:
  struct Accepted {
    UniqueFd fd;
    SocketAddress peer;
    std::optional<wire::Farewell> refuse_login;
  };

  Connection(Worker& worker, Route& route, Accepted accepted, TimePoint now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Each may end with the connection destroyed.
  void start(TimePoint now);
  void on_verdict(TimePoint now);
  void on_cancel(CancelTicket ticket, TimePoint now);
  void on_cancel_delivered(TimePoint now);
  void on_drain(TimePoint now);
  // Looks at what may have taken too long.
  void sweep(TimePoint now);
  // Ends it at once.
  void cut(TimePoint now);

  // The worker's list of all connections, and of those that sweep() must see.
  struct Links {
    Connection* previous = nullptr;
    Connection* next = nullptr;
    bool linked = false;
  };
  Links all_links;
  Links watch_links;
  bool counted_as_session = true;  // By the worker.

 private:
  enum class Phase : std::uint8_t {
    open,
    closing,  // The session is over; the client gets to read its last words.
    dead,     // Nothing is left to do.
  };

  static void on_client_event(int fd, short what, void* self);
  static void on_server_event(int fd, short what, void* self);

  void client_ready(short what, TimePoint now);
  void server_ready(short what, TimePoint now);
  void read_client(TimePoint now);
  void read_server(TimePoint now);
  void flush_client(TimePoint now);
  void flush_server(TimePoint now);

  void drain(TimePoint now);
  void perform(const session::Action& action, TimePoint now);
  void keep_unconsumed();
  void send_to_client(std::span<const std::byte> bytes);
  void send_to_server(std::span<const std::byte> bytes);

  void connect_server(TimePoint now);
  void try_next_address(TimePoint now);
  void on_connect_done(std::error_code error, TimePoint now);
  void on_server_closed(TimePoint now);
  void cancel_elsewhere(std::span<const std::byte> key, TimePoint now);
  void close_client();
  void close_server();
  void finish(TimePoint now);
  void count_ending();
  // To be called last in every entry: it may destroy the connection.
  void settle(TimePoint now);
  void update_events();
  [[nodiscard]] bool needs_watching() const noexcept;
  [[nodiscard]] bool is_deaf() const noexcept;
  [[nodiscard]] bool holds_up_the_database() const noexcept;

  Worker& worker_;
  Route& route_;
  UniqueFd client_fd_;
  UniqueFd server_fd_;
  FdEvent client_event_;
  FdEvent server_event_;
  PendingBytes from_client_;  // Not used up by the session yet.
  PendingBytes to_client_;    // What the socket didn't take.
  PendingBytes to_server_;
  session::Session session_;
  std::string cancel_key_;

  Phase phase_ = Phase::open;
  bool fresh_input_ =
      false;  // The session was fed from the worker's buffer, not from from_client_.
  bool connecting_ = false;
  bool client_eof_ = false;
  bool client_failed_ = false;  // The session has to be told.
  bool server_failed_ = false;
  bool awaits_cancel_ = false;
  std::uint8_t next_address_ = 0;
  AddressBook::Addresses addresses_;
  CancelTicket cancel_ticket_;
  TimePoint deadline_ = TimePoint::max();  // Of connecting or closing.
  TimePoint progress_at_;                  // When either side last sent or took something.
};

}  // namespace loadline::net
