// SPDX-License-Identifier: Apache-2.0
// The least a proxy can cost: bytes from one socket to the other, on one thread, over bare epoll.
// It looks at nothing and decides nothing. What a proxy costs beyond this is its own doing.
//
//   epoll_relay LISTEN_PORT UPSTREAM_PORT      both on 127.0.0.1; runs until it is killed
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t kReadSize = std::size_t{64} * 1024;
constexpr int kEventsMax = 256;
constexpr int kBacklog = 4096;

struct End {
  int peer = -1;
  // What `this` could not take yet. While there is any, its peer is not read from.
  std::vector<char> unsent;
};

class Relay {
 public:
  Relay(int epoll, int listener, const sockaddr_in& upstream)
      : epoll_(epoll), listener_(listener), upstream_(upstream) {
    watch(listener_, EPOLL_CTL_ADD, EPOLLIN);
  }

  void run() {
    std::array<epoll_event, kEventsMax> events = {};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), kEventsMax, -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_) {
          accept_one();
        } else if ((event.events & EPOLLOUT) != 0) {
          flush(event.data.fd);
        } else {
          pass_on(event.data.fd);
        }
      }
    }
  }

 private:
  void watch(int fd, int operation, std::uint32_t events) const {
    epoll_event event = {};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    // Connects blocking: on the loopback that is at once, and it is no part of what is measured.
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(server, reinterpret_cast<const sockaddr*>(&upstream_), sizeof upstream_) != 0) {
      close(server);
      close(client);
      return;
    }
    fcntl(server, F_SETFL, O_NONBLOCK);
    for (const int fd : {client, server}) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
    ends_[client].peer = server;
    ends_[server].peer = client;
  }

  void pass_on(int from) {
    const auto at = ends_.find(from);
    if (at == ends_.end()) return;  // Closed by an earlier event of this round.
    const int to = at->second.peer;
    // Nobody asked to read here, so it can only be an error or a hang-up.
    if (!ends_[to].unsent.empty()) return close_both(from, to);
    const ssize_t size = read(from, buffer_.data(), buffer_.size());
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return close_both(from, to);
    ssize_t sent = send(to, buffer_.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent == size) return;
    if (sent < 0 && errno != EAGAIN) return close_both(from, to);
    if (sent < 0) sent = 0;
    ends_[to].unsent.assign(buffer_.data() + sent, buffer_.data() + size);
    watch(to, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    watch(from, EPOLL_CTL_MOD, 0);
  }

  void flush(int to) {
    const auto at = ends_.find(to);
    if (at == ends_.end()) return;
    auto& unsent = at->second.unsent;
    const ssize_t sent = send(to, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return close_both(to, at->second.peer);
    unsent.erase(unsent.begin(), unsent.begin() + sent);
    if (!unsent.empty()) return;
    watch(to, EPOLL_CTL_MOD, EPOLLIN);
    watch(at->second.peer, EPOLL_CTL_MOD, EPOLLIN);
  }

  void close_both(int one, int other) {
    for (const int fd : {one, other}) {
      close(fd);
      ends_.erase(fd);
    }
  }

  int epoll_;
  int listener_;
  sockaddr_in upstream_;
  std::unordered_map<int, End> ends_;
  std::vector<char> buffer_ = std::vector<char>(kReadSize);
};

sockaddr_in loopback(std::string_view port_text) {
  std::uint16_t port = 0;
  std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: epoll_relay LISTEN_PORT UPSTREAM_PORT\n", stderr);
    return 2;
  }
  const sockaddr_in address = loopback(argv[1]);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, kBacklog) != 0) {
    std::perror("epoll_relay");
    return 1;
  }
  Relay(epoll_create1(EPOLL_CLOEXEC), listener, loopback(argv[2])).run();
}
