#include "scheduler/outbox.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <thread>

namespace atelier::scheduler {
namespace {

using protocol::Bytes;
using protocol::Channel;

std::array<int, 2> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return ends;
}

TEST(Outbox, WhatIsPostedArrivesInOrder) {
  const auto [left, right] = socket_pair();
  Channel channel(left), other(right);
  Outbox outbox(channel, 1 << 20);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(outbox.post({std::to_string(i), {}}));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(other.receive().value().json, std::to_string(i));
  channel.close();
}

TEST(Outbox, AReceiverThatHangsBlocksNoSenderAndTheQueueIsBounded) {
  const auto [left, right] = socket_pair();
  Channel channel(left), still(right);
  Outbox outbox(channel, std::size_t{25} << 20);
  const auto begin = Channel::Clock::now();
  EXPECT_TRUE(outbox.post({"{}", {Bytes(10 << 20)}}));
  EXPECT_TRUE(outbox.post({"{}", {Bytes(10 << 20)}}));
  EXPECT_FALSE(outbox.post({"{}", {Bytes(10 << 20)}}));
  EXPECT_TRUE(outbox.post({"{}", {}}));  // a small one fits
  EXPECT_LT(Channel::Clock::now() - begin, std::chrono::seconds(10));
  channel.close();  // the destructor then cuts off the present message
}

TEST(Outbox, WhatWasTakenMakesRoom) {
  const auto [left, right] = socket_pair();
  Channel channel(left), other(right);
  Outbox outbox(channel, 1000);
  for (int i = 0; i < 20; ++i) {
    // The room comes back a moment after the message has arrived.
    while (!outbox.post({"{}", {Bytes(900)}})) std::this_thread::yield();
    EXPECT_EQ(other.receive().value().parts.at(0).size(), 900U);
  }
  channel.close();
}

TEST(Outbox, PostingToAReceiverThatHasClosedDoesNotFail) {
  const auto [left, right] = socket_pair();
  Channel channel(left);
  Outbox outbox(channel, 1 << 20);
  {
    Channel gone(right);
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(outbox.post({"{}", {}}));
  EXPECT_FALSE(channel.receive());
  channel.close();
}

}  // namespace
}  // namespace atelier::scheduler
