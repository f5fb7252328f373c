// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/socket.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <string>

#include "tests/support/pg_messages.h"

namespace loadline::net {
namespace {

config::Endpoint tcp(std::string host, std::uint16_t port = 0) {
  return {.host = std::move(host), .port = port, .unix_path = {}};
}

class UnixSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "loadlineXXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/s";
  }
  void TearDown() override {
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  [[nodiscard]] SocketAddress address() const {
    return *to_numeric_address({.host = {}, .port = 0, .unix_path = path_});
  }
  std::string folder_;
  std::string path_;
};

TEST(Socket, AddressesReadAsPeopleWriteThem) {
  EXPECT_EQ(to_string(*to_numeric_address(tcp("127.0.0.1", 6432))), "127.0.0.1:6432");
  EXPECT_EQ(to_string(*to_numeric_address(tcp("::1", 6432))), "[::1]:6432");
  EXPECT_EQ(to_string(*to_numeric_address({.host = {}, .port = 0, .unix_path = "/tmp/x"})),
            "unix:/tmp/x");
}

TEST(Socket, NamesAndPathsThatAreTooLongAreNoNumericAddresses) {
  EXPECT_FALSE(to_numeric_address(tcp("db.internal", 5432)));
  EXPECT_FALSE(to_numeric_address({.host = {}, .port = 0, .unix_path = std::string(200, 'x')}));
}

TEST(Socket, AMappedV4ClientIsAV4Client) {
  const auto client = to_client_address(*to_numeric_address(tcp("::ffff:10.1.2.3")));
  EXPECT_EQ(client.size, 4);
  EXPECT_EQ(client.bytes[0], 10);
  EXPECT_EQ(client.bytes[3], 3);
}

TEST(Socket, APortThatIsTakenIsSaidSo) {
  const auto first = listen_on(*to_numeric_address(tcp("127.0.0.1")));
  ASSERT_TRUE(first);
  const auto second = listen_on(*local_address(first->get()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), std::errc::address_in_use);
}

TEST(Socket, ConnectsSendsAndSeesTheEnd) {
  const auto listener = listen_on(*to_numeric_address(tcp("127.0.0.1")));
  auto client = start_connect(*local_address(listener->get()));
  ASSERT_TRUE(client);
  const UniqueFd server(::accept(listener->get(), nullptr, nullptr));
  EXPECT_FALSE(take_socket_error(client->get()));
  EXPECT_EQ(send(client->get(), test::bytes_of("hello")).size, 5U);
  std::array<std::byte, 16> buffer{};
  const IoResult got = receive(server.get(), buffer);
  EXPECT_EQ(test::text_of(std::span(buffer).first(got.size)), "hello");
  EXPECT_EQ(receive(client->get(), buffer).kind, IoResult::Kind::would_block);
  EXPECT_FALSE(has_hung_up(server.get()));
  EXPECT_EQ(send(client->get(), test::bytes_of("unread")).size, 6U);
  client->reset();
  EXPECT_TRUE(has_hung_up(server.get()));  // Although there is something to read.
}

TEST_F(UnixSocketTest, AFileThatACrashLeftBehindIsReplaced) {
  { ASSERT_TRUE(listen_on(address())); }  // Closed, but the file stays.
  ASSERT_EQ(::access(path_.c_str(), F_OK), 0);
  EXPECT_TRUE(listen_on(address()));
}

TEST_F(UnixSocketTest, AFileThatSomebodyListensOnIsInUse) {
  const auto first = listen_on(address());
  const auto second = listen_on(address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), std::errc::address_in_use);
}

}  // namespace
}  // namespace loadline::net
