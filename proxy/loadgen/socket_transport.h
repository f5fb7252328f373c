// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <event2/event.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proxy/loadgen/generator.h"
#include "proxy/loadgen/target.h"
#include "proxy/wire/client_dialogue.h"

namespace loadline::loadgen {

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

// Where the target listens; the first answer of the resolver. May block.
[[nodiscard]] tl::expected<Address, std::string> resolve(const Target& target);

// A file descriptor that is closed with its owner.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) noexcept : fd_(fd) {}
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct EventDeleter {
  void operator()(event* e) const noexcept { event_free(e); }
};
using EventPtr = std::unique_ptr<event, EventDeleter>;

// The generator's connections as non-blocking sockets on one event loop. Never more than
// connection_count() of them, and one more each while its cancel request is under way.
class SocketTransport final : public Transport {
 public:
  // All must outlive the transport. attach() is due before anything else.
  SocketTransport(event_base* base, const Target& target, const Address& address);
  ~SocketTransport() override;

  void attach(Generator& generator);
  // Says goodbye on every connection, as far as that needs no waiting.
  void end_all();

  void open(ConnectionIndex connection) override;
  void send(ConnectionIndex connection, std::string_view sql,
            std::span<const std::string> parameters) override;
  void cancel(ConnectionIndex connection) override;
  void close(ConnectionIndex connection) override;

 private:
  struct Link {
    SocketTransport* owner = nullptr;
    ConnectionIndex index = 0;
    std::uint64_t opened = 0;  // Which of its openings this is: callbacks may close and open.
    Socket socket = {};
    EventPtr readable = {};
    EventPtr writable = {};
    std::unique_ptr<wire::ClientDialogue> dialogue = {};
    bool connecting = false;
    std::string output = {};
    std::size_t output_sent = 0;

    // The cancel request of its last statement, on a connection of its own.
    Socket cancel_socket = {};
    EventPtr cancel_event = {};
    std::string cancel_bytes = {};
  };
  // What could not be told at once, since the generator was on the stack.
  struct Deferred {
    ConnectionIndex index = 0;
    bool is_cancel = false;
    int error = 0;
  };

  static void on_readable(int fd, short events, void* link);
  static void on_writable(int fd, short events, void* link);
  static void on_cancel_event(int fd, short events, void* link);
  static void on_deferred(int fd, short events, void* transport);

  [[nodiscard]] tl::expected<Socket, int> connect_socket() const;
  void defer(const Deferred& deferred);
  void read(Link& link);
  void write(Link& link);
  void drain(Link& link);
  void lose(Link& link, std::string_view why);
  void tear_down(Link& link);
  void end_cancel(Link& link);

  event_base* base_;
  const Target& target_;
  const Address& address_;
  std::unique_ptr<wire::ClientDialogues> dialogues_;
  Generator* generator_ = nullptr;
  std::vector<Link> links_ = {};
  std::vector<Deferred> deferred_ = {};
  EventPtr deferred_event_;
  std::array<std::byte, std::size_t{64}* 1024> buffer_ = {};
};

}  // namespace loadline::loadgen
