#include "protocol/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
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

TEST(Channel, AMessageOverTheLimitsIsNotSentAndTheNextOneIs) {
  const auto [left, right] = socket_pair();
  const FrameLimits small{
      .header_bytes = 256, .json_bytes = 100, .parts = 2, .part_bytes = 1000, .total_bytes = 1500};
  Channel sender(left, small), receiver(right, small);
  for (const Frame& frame : {Frame{std::string(101, 'x'), {}}, Frame{"{}", {{}, {}, {}}},
                             Frame{"{}", {Bytes(1001)}}, Frame{"{}", {Bytes(800), Bytes(800)}}}) {
    try {
      sender.send(frame);
      ADD_FAILURE() << "was sent";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
    }
  }
  sender.send({"{}", {Bytes(1000)}});
  EXPECT_EQ(receiver.receive().value().parts.at(0).size(), 1000U);
}

TEST(Channel, NoCallWaitsLongerThanAllowedForASideThatHangs) {
  const auto [left, right] = socket_pair();
  Channel waiting(left), still(right);
  const auto begin = Channel::Clock::now();
  const auto code_of = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kConflict;
  };
  EXPECT_EQ(code_of([&] { waiting.receive(begin + std::chrono::milliseconds(50)); }),
            ErrorCode::kInternal);
  EXPECT_GE(Channel::Clock::now() - begin, std::chrono::milliseconds(50));
  EXPECT_FALSE(still.receive());  // which has closed the channel

  const auto [first, second] = socket_pair();
  Channel sender(first), full(second);
  EXPECT_EQ(code_of([&] {
              sender.send({"{}", {Bytes(20 << 20)}},
                          Channel::Clock::now() + std::chrono::milliseconds(50));
            }),
            ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { sender.send({"{}", {}}); }), ErrorCode::kWorkerLost);
  EXPECT_FALSE(full.receive());
}

TEST(Channel, AMessageThatArrivesInTimeIsReceived) {
  const auto [left, right] = socket_pair();
  Channel sender(left), receiver(right);
  const auto until = Channel::Clock::now() + std::chrono::seconds(60);
  std::jthread thread([&, until] { sender.send({"{}", {Bytes(20 << 20)}}, until); });
  EXPECT_EQ(receiver.receive(until).value().parts.at(0).size(), Bytes::size_type{20 << 20});
}

TEST(Channel, MalformedDataClosesIt) {
  const auto [left, right] = socket_pair();
  Channel survivor(left);
  ASSERT_EQ(::write(right, "Content-Length: x\r\n\r\n", 21), 21);
  EXPECT_THROW(survivor.receive(), Error);
  EXPECT_THROW(survivor.send({"{}", {}}), Error);
  ::close(right);
}

TEST(Channel, ShowsWhatCameAndWhatIsUnread) {
  const auto [left, right] = socket_pair();
  Channel sender(left), receiver(right);
  EXPECT_FALSE(receiver.has_unread());
  const Frame frame{"{}", {Bytes(7)}};
  sender.send(frame);
  EXPECT_TRUE(receiver.has_unread());
  EXPECT_EQ(receiver.bytes_received(), 0U);
  ASSERT_TRUE(receiver.receive());
  EXPECT_FALSE(receiver.has_unread());
  EXPECT_EQ(receiver.bytes_received(), encode_frame_header(frame).size() + 2 + 7);
}

TEST(Channel, CloseWakesTheSender) {
  const auto [left, right] = socket_pair();
  Channel channel(left);
  std::jthread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    channel.close();
  });
  EXPECT_THROW(channel.send({"{}", {Bytes(20 << 20)}}), Error);
  ::close(right);
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
