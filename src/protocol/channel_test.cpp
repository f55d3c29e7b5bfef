#include "protocol/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "platform/error.h"

namespace atelier::protocol {
namespace {

std::array<int, 2> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return ends;
}

TEST(Channel, CarriesFramesLargerThanTheSocketsBuffer) {
  const auto [left, right] = socket_pair();
  Channel sender(left), receiver(right);
  Bytes large(20 << 20);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 31 >> 3U);
  std::jthread thread([&] {
    for (int i = 0; i < 3; ++i) sender.send({"{\"n\":" + std::to_string(i) + "}", {large, {}}});
  });
  for (int i = 0; i < 3; ++i) {
    const auto frame = receiver.receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->json, "{\"n\":" + std::to_string(i) + "}");
    ASSERT_EQ(frame->parts.size(), 2U);
    EXPECT_TRUE(frame->parts[0] == large);
    EXPECT_TRUE(frame->parts[1].empty());
  }
}

TEST(Channel, FramesOfTwoThreadsDoNotInterleave) {
  const auto [left, right] = socket_pair();
  Channel sender(left), receiver(right);
  const auto send_many = [&](char letter) {
    for (int i = 0; i < 50; ++i) sender.send({std::string(50'000, letter), {}});
  };
  std::jthread one(send_many, 'a'), two(send_many, 'b');
  for (int i = 0; i < 100; ++i) {
    const auto frame = receiver.receive();
    ASSERT_TRUE(frame);
    ASSERT_EQ(frame->json.find_first_not_of(frame->json[0]), std::string::npos);
  }
}

TEST(Channel, TheEndOfTheOtherSideIsAnEmptyFrameAndAFailedSend) {
  const auto [left, right] = socket_pair();
  Channel survivor(left);
  ASSERT_EQ(::write(right, "Content-Length: 5\r\n\r\nab", 23), 23);
  ::close(right);
  EXPECT_FALSE(survivor.receive());
  try {
    survivor.send({"{}", {}});
    FAIL() << "was sent";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kWorkerLost);
  }
}

TEST(Channel, CloseWakesTheReader) {
  const auto [left, right] = socket_pair();
  Channel channel(left);
  std::jthread closer([&] { channel.close(); });
  EXPECT_FALSE(channel.receive());
  ::close(right);
}

}  // namespace
}  // namespace atelier::protocol
