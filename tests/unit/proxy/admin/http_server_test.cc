// SPDX-License-Identifier: Apache-2.0
// Over real sockets, unlike other unit tests: time-outs, resets and half-closed connections are
// what this class is about.
#include "proxy/admin/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/admin/admin_server.h"
#include "tests/unit/proxy/admin/sample_status.h"

namespace loadline::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const config::Endpoint kLoopback = {.host = "127.0.0.1", .port = 0, .unix_path = {}};
constexpr auto kPatience = 10s;  // For what must happen; never waited for in full when it does.

class Client {
 public:
  explicit Client(const HttpServer& server)
      : Client(std::stoi(server.address().substr(server.address().rfind(':') + 1))) {}
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect_to(address);
  }
  explicit Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connect_to(address);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything until the server closes.
  std::string read_all() {
    while (read_some(kPatience)) {
    }
    return std::exchange(received_, {});
  }

  // Up to and with the first `mark`.
  std::string read_until(std::string_view mark) {
    std::size_t at = 0;
    while ((at = received_.find(mark)) == std::string::npos) {
      if (!read_some(kPatience)) return std::exchange(received_, {}) + "(closed)";
    }
    const auto head = received_.substr(0, at + mark.size());
    received_.erase(0, head.size());
    return head;
  }

  // Whether the server closes within `time`, without having said anything.
  bool closes_silently_within(std::chrono::milliseconds time) {
    pollfd poll_fd = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&poll_fd, 1, static_cast<int>(time.count())) != 1) return false;
    char byte = 0;
    return recv(fd_, &byte, 1, 0) <= 0;
  }

 private:
  template <typename Address>
  void connect_to(const Address& address) {
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }

  bool read_some(std::chrono::milliseconds time) {
    pollfd poll_fd = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&poll_fd, 1, static_cast<int>(time.count())) != 1) return false;
    std::array<char, 4096> part;
    const auto size = recv(fd_, part.data(), part.size(), 0);
    if (size > 0) received_.append(part.data(), static_cast<std::size_t>(size));
    return size > 0;
  }

  int fd_;
  std::string received_;
};

// Says what it was asked.
HttpResponse echo(const HttpRequest& request) {
  return {.status = 200,
          .content_type = "text/plain",
          .body = std::string(request.method) + " " + std::string(request.target) + " " +
                  std::string(request.body) + "\n"};
}

std::unique_ptr<HttpServer> started(const HttpServer::Options& options = {},
                                    HttpServer::Answer answer = echo) {
  auto server = std::make_unique<HttpServer>(std::move(answer), options);
  EXPECT_EQ(server->start(kLoopback), std::error_code());
  return server;
}

TEST(HttpServer, AnswersAndSaysWhatItIs) {
  const auto server = started();
  Client client(*server);
  client.send("GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto response = client.read_all();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(response, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nGET /a?b=c \n"));
}

TEST(HttpServer, ServesManyRequestsOnOneConnection) {
  const auto server = started();
  Client client(*server);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_until("GET /one \n"), Not(HasSubstr("closed"))) << i;
  }
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  const auto server = started();
  Client client(*server);
  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody");
  const auto all = client.read_all();
  const auto first = all.find("GET /1 \n");
  const auto second = all.find("GET /2 \n");
  EXPECT_LT(first, second);
  EXPECT_LT(second, all.find("POST /3 body\n"));
  EXPECT_THAT(all, EndsWith("POST /3 body\n"));
}

TEST(HttpServer, HeadGivesTheLengthWithoutTheBody) {
  const auto server = started();
  Client client(*server);
  client.send("HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto response = client.read_all();
  EXPECT_THAT(response, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
}

TEST(HttpServer, ClosesAfterAnHttp10Request) {
  const auto server = started();
  Client client(*server);
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET / \n"));
}

TEST(HttpServer, GarbageGetsA400AndIsClosed) {
  for (const std::string& garbage :
       {std::string("\x00\x01\x02\xff\r\n\r\n", 8), std::string("hello\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET /\x01 HTTP/1.1\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string(
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")}) {
    const auto server = started();
    Client client(*server);
    client.send(garbage);
    const auto response = client.read_all();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << garbage;
    EXPECT_THAT(response, HasSubstr("Content-Type: application/problem+json\r\n"));
    EXPECT_THAT(response, HasSubstr("\"status\":400"));
  }
}

// The answer must arrive although the client is still sending.
TEST(HttpServer, MuchGarbageGetsItsAnswerBeforeTheConnectionIsCut) {
  const auto server = started();
  Client client(*server);
  client.send("garbage\r\n" + std::string(100'000, 'x'));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServer, EndlessGarbageIsCut) {
  const auto server = started();
  Client client(*server);
  const std::string part(64 * 1024, 'x');
  client.send("garbage\r\n");
  int parts = 0;
  while (parts < 1000 && client.send(part)) ++parts;
  EXPECT_LT(parts, 1000);
}

TEST(HttpServer, AHeaderThatIsTooLongGetsA431) {
  const auto server = started({.header_size_max = 1024});
  Client client(*server);
  client.send("GET / HTTP/1.1\r\nX: " + std::string(1024, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST(HttpServer, ABodyThatIsTooLongGetsA413WithoutBeingRead) {
  const auto server = started({.body_size_max = 1024});
  Client client(*server);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));

  Client chunked(*server);
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" +
               std::string(0x800, 'x') + "\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServer, ASilentClientIsCut) {
  const auto server = started({.request_timeout = 100ms});
  Client client(*server);
  EXPECT_TRUE(client.closes_silently_within(kPatience));
}

// Bytes that keep trickling in must not keep a request alive.
TEST(HttpServer, AClientThatSendsByteByByteIsCut) {
  const auto server = started({.request_timeout = 200ms});
  Client client(*server);
  const auto start = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\nX: ");
  while (!client.closes_silently_within(20ms)) {
    client.send("x");
    ASSERT_LT(std::chrono::steady_clock::now() - start, kPatience);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 150ms);
}

TEST(HttpServer, AClientThatNeverReadsIsCutAndOthersAreServed) {
  constexpr std::size_t kHuge = 64 * 1024 * 1024;  // More than socket buffers hold.
  const auto server = started({.request_timeout = 200ms}, [](const HttpRequest& request) {
    const bool is_huge = request.target == "/huge";
    return HttpResponse{
        .status = 200, .content_type = "text/plain", .body = std::string(is_huge ? kHuge : 2, 'x')};
  });
  Client deaf(*server);
  deaf.send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
  Client client(*server);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("\r\n\r\nxx"));
  std::this_thread::sleep_for(600ms);  // The deaf client's time runs out unseen.
  EXPECT_LT(deaf.read_all().size(), kHuge);
}

TEST(HttpServer, AnIdleConnectionLivesLongerThanARequestMayTake) {
  const auto server = started({.request_timeout = 100ms, .idle_timeout = 600ms});
  Client client(*server);
  client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("GET /1 \n");
  EXPECT_FALSE(client.closes_silently_within(300ms));
  EXPECT_TRUE(client.closes_silently_within(kPatience));
}

TEST(HttpServer, AClientThatLeavesInTheMiddleDisturbsNobody) {
  const auto server = started();
  for (const auto* part :
       {"", "G", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"}) {
    Client(*server).send(part);
  }
  Client client(*server);
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET / \n"));
}

TEST(HttpServer, BeyondTheLimitTheOneSilentLongestMakesRoom) {
  const auto server = started({.connections_max = 4});
  std::vector<std::unique_ptr<Client>> hoarders;
  for (int i = 0; i < 4; ++i) {
    hoarders.push_back(std::make_unique<Client>(*server));
    hoarders.back()->send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    hoarders.back()->read_until("GET /1 \n");
  }
  Client client(*server);
  client.send("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET /2 \n"));
  EXPECT_TRUE(hoarders[0]->closes_silently_within(kPatience));
  EXPECT_FALSE(hoarders[1]->closes_silently_within(50ms));
}

TEST(HttpServer, BeyondTheLimitOneIsClosedIfAllAreInTheMiddleOfARequest) {
  const auto server = started({.connections_max = 2});
  std::vector<std::unique_ptr<Client>> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(std::make_unique<Client>(*server));
    // An answered request first, so that the server is known to have begun the second.
    busy.back()->send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTT");
    busy.back()->read_until("GET /1 \n");
  }
  Client client(*server);
  EXPECT_TRUE(client.closes_silently_within(kPatience));
  busy[0]->send("P/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(busy[0]->read_until("GET /2 \n"), Not(HasSubstr("closed")));
}

TEST(HttpServer, HundredsOfConnectionsAtOnceLeaveItWell) {
  const auto server = started({.connections_max = 16});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<Client>(*server));
  Client last(*server);
  last.send("GET /last HTTP/1.0\r\n\r\n");
  EXPECT_THAT(last.read_all(), EndsWith("GET /last \n"));
}

TEST(HttpServer, StopsWhileClientsAreConnected) {
  auto server = started();
  Client silent(*server);
  Client halfway(*server);
  halfway.send("GET / HT");
  Client idle(*server);
  idle.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("GET /1 \n");
  server->stop();
  EXPECT_TRUE(silent.closes_silently_within(kPatience));
  EXPECT_TRUE(halfway.closes_silently_within(kPatience));
  EXPECT_TRUE(idle.closes_silently_within(kPatience));
  EXPECT_EQ(server->address(), "");
  server->stop();
}

TEST(HttpServer, StartsAgainAfterStop) {
  auto server = started();
  server->stop();
  ASSERT_EQ(server->start(kLoopback), std::error_code());
  Client client(*server);
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET / \n"));
}

TEST(HttpServer, ATakenPortIsAnError) {
  const auto first = started();
  auto taken = kLoopback;
  taken.port = static_cast<std::uint16_t>(
      std::stoi(first->address().substr(first->address().rfind(':') + 1)));
  HttpServer second(echo, {});
  EXPECT_EQ(second.start(taken), std::errc::address_in_use);
  EXPECT_EQ(second.address(), "");
}

TEST(HttpServer, AnAddressThatIsNotOursIsAnError) {
  HttpServer server(echo, {});
  EXPECT_EQ(server.start({.host = "192.0.2.1", .port = 0, .unix_path = {}}),
            std::errc::address_not_available);
  EXPECT_NE(server.start({.host = "no such host", .port = 0, .unix_path = {}}), std::error_code());
}

TEST(HttpServer, ListensOnIpv6) {
  HttpServer server(echo, {});
  const auto error = server.start({.host = "::1", .port = 0, .unix_path = {}});
  if (error == std::errc::address_not_available ||
      error == std::errc::address_family_not_supported) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
  ASSERT_EQ(error, std::error_code());
  EXPECT_THAT(server.address(), StartsWith("[::1]:"));
}

class UnixHttpServer : public ::testing::Test {
 protected:
  UnixHttpServer() {
    std::string name = "/tmp/loadline-admin-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = name + "/admin.sock";
  }
  ~UnixHttpServer() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] config::Endpoint endpoint() const {
    return {.host = {}, .port = 0, .unix_path = path_};
  }

  std::string folder_;
  std::string path_;
};

TEST_F(UnixHttpServer, ServesAndRemovesItsFile) {
  HttpServer server(echo, {});
  ASSERT_EQ(server.start(endpoint()), std::error_code());
  EXPECT_EQ(server.address(), "unix:" + path_);
  Client client(path_);
  client.send("GET /u HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET /u \n"));
  server.stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixHttpServer, ReplacesAFileThatNobodyListensOn) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  HttpServer server(echo, {});
  EXPECT_EQ(server.start(endpoint()), std::error_code());
}

TEST_F(UnixHttpServer, ASocketInUseIsAnErrorAndStaysUsable) {
  HttpServer first(echo, {});
  ASSERT_EQ(first.start(endpoint()), std::error_code());
  HttpServer second(echo, {});
  EXPECT_EQ(second.start(endpoint()), std::errc::address_in_use);
  Client client(path_);
  client.send("GET /u HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("GET /u \n"));
}

TEST_F(UnixHttpServer, AnOrdinaryFileIsNotReplaced) {
  std::ofstream(path_) << "precious";
  HttpServer server(echo, {});
  EXPECT_EQ(server.start(endpoint()), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(UnixHttpServer, APathThatIsTooLongIsAnError) {
  path_ += std::string(200, 'x');
  HttpServer server(echo, {});
  EXPECT_EQ(server.start(endpoint()), std::errc::filename_too_long);
}

TEST(AdminServer, ServesTheStatusOfItsSource) {
  const FixedStatus source(sample_status());
  AdminServer server(source);
  ASSERT_EQ(server.start(kLoopback), std::error_code());
  Client client(std::stoi(server.address().substr(server.address().rfind(':') + 1)));
  client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("\nloadline_workers 2\n"));
  server.stop();
  EXPECT_EQ(server.address(), "");
}

TEST(AdminServer, AWrongMethodIsToldWhatIsAllowed) {
  const FixedStatus source(sample_status());
  AdminServer server(source);
  ASSERT_EQ(server.start(kLoopback), std::error_code());
  Client client(std::stoi(server.address().substr(server.address().rfind(':') + 1)));
  client.send("DELETE /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto response = client.read_all();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(response, HasSubstr("Allow: GET, HEAD\r\n"));
}

}  // namespace
}  // namespace loadline::admin
