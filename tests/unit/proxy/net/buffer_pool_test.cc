// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/buffer_pool.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/pg_messages.h"

namespace loadline::net {
namespace {

using test::bytes_of;
using test::text_of;

TEST(PendingBytes, AreAQueue) {
  BufferPool pool(16, 1);
  PendingBytes pending(pool);
  EXPECT_TRUE(pending.append(bytes_of("hello ")));
  EXPECT_TRUE(pending.append(bytes_of("world")));
  pending.drop_front(6);
  EXPECT_EQ(text_of(pending.view()), "world");
  EXPECT_EQ(pending.room(), 11U);
  pending.drop_front(5);
  EXPECT_TRUE(pending.empty());
}

TEST(PendingBytes, MakeRoomByMovingToTheFront) {
  BufferPool pool(8, 1);
  PendingBytes pending(pool);
  EXPECT_TRUE(pending.append(bytes_of("12345678")));
  pending.drop_front(6);
  EXPECT_TRUE(pending.append(bytes_of("abcdef")));
  EXPECT_EQ(text_of(pending.view()), "78abcdef");
}

TEST(PendingBytes, TakeNothingThatDoesNotFit) {
  BufferPool pool(4, 1);
  PendingBytes pending(pool);
  EXPECT_FALSE(pending.append(bytes_of("12345")));
  EXPECT_TRUE(pending.empty());
}

TEST(PendingBytes, GiveTheirChunkBackWhenEmpty) {
  BufferPool pool(16, 4);
  PendingBytes first(pool);
  EXPECT_TRUE(first.append(bytes_of("x")));
  const std::byte* chunk = first.view().data();
  first.drop_front(1);
  PendingBytes second(pool);
  EXPECT_TRUE(second.append(bytes_of("y")));
  EXPECT_EQ(second.view().data(), chunk);
}

TEST(PendingBytes, ReceiveIntoTheirTail) {
  BufferPool pool(8, 1);
  PendingBytes pending(pool);
  EXPECT_TRUE(pending.append(bytes_of("ab")));
  const auto tail = pending.tail();
  EXPECT_EQ(tail.size(), 6U);
  tail[0] = std::byte{'c'};
  pending.commit(1);
  EXPECT_EQ(text_of(pending.view()), "abc");
}

}  // namespace
}  // namespace loadline::net
