#include "worker/beat.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <thread>

#include "protocol/messages.h"

namespace atelier::worker {
namespace {

using namespace std::chrono_literals;
using protocol::Channel;

class BeatTest : public testing::Test {
 protected:
  BeatTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    worker_.emplace(ends[0]);
    station_.emplace(ends[1]);
  }
  // The method of the next message; "" at the end of the stream.
  std::string next() {
    auto frame = station_->receive(Channel::Clock::now() + 60s);
    return frame ? protocol::read_message(std::move(*frame)).method : "";
  }

  std::optional<Channel> worker_, station_;
};

TEST_F(BeatTest, BeatsUntilItsEnd) {
  {
    const Beat beat(*worker_, 1ms);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(next(), protocol::BeatNotification::kMethod);
  }
  while (!next().empty()) {
  }
}

TEST_F(BeatTest, BeatsBetweenLongMessagesOfAnotherThread) {
  const Beat beat(*worker_, 1ms);
  std::thread sender([this] {
    for (int i = 0; i < 20; ++i) {
      worker_->send(protocol::notification_frame("preview", "{}", {protocol::Bytes(3 << 20)}));
    }
  });
  for (int previews = 0; previews < 20;) {
    const auto method = next();
    ASSERT_TRUE(method == "preview" || method == protocol::BeatNotification::kMethod) << method;
    if (method == "preview") ++previews;
  }
  sender.join();
}

TEST_F(BeatTest, AStationThatReadsNothingDoesNotKeepItFromEnding) {
  auto beat = std::make_unique<Beat>(*worker_, 0ms);
  // Until the socket is full: the thread waits in the middle of sending then.
  std::this_thread::sleep_for(300ms);
  beat.reset();
  EXPECT_TRUE(station_->has_unread());
}

TEST_F(BeatTest, EndsWithTheChannel) {
  const Beat beat(*worker_, 1ms);
  EXPECT_EQ(next(), protocol::BeatNotification::kMethod);
  station_.reset();
}

}  // namespace
}  // namespace atelier::worker
