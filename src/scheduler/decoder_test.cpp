// Decoders that fail in every way, and real ones after them: a failure affects at most the present
// picture.
#include "scheduler/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "tests/doubles/scripted_child.h"

namespace atelier::scheduler {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = protocol::Channel::Clock;

LaunchChild real() {
  const char* path = std::getenv("ATELIER_MEDIA");
  return launcher_of(path != nullptr ? path : "", {});
}

media::Image stripes(int side) {
  media::Image image{side, side, 3, {}};
  for (std::size_t i = 0; i < image.byte_count(); ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 7));
  }
  return image;
}

protocol::Bytes a_png(int side = 32) {
  return Decoder(real()).encode(stripes(side), "png", {}).bytes;
}

// The first child is the one that is given, those after it are real.
LaunchChild first(const LaunchChild& bad, std::vector<int>* pids = nullptr) {
  return [bad, pids, started = std::make_shared<int>(0)] {
    auto child = (*started)++ == 0 ? bad() : real()();
    if (pids != nullptr) pids->push_back(child.pid());
    return child;
  };
}

// The first request of a Decoder is the picture, the second one is the hello.
std::string hello() { return hello_of("atelier-media", 2); }

Patience short_patience() {
  Patience patience;
  patience.picture = 3s;
  return patience;
}

Error failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "it worked";
  return Error(ErrorCode::kInternal, "");
}

TEST(DecoderChannel, AMalformedReplyEndsTheProcessAndThePictureIsReadByAnother) {
  const auto png = a_png();
  protocol::DecodeReply without_pixels;
  without_pixels.picture = protocol::PictureRef{5, 8, 8, 3};
  without_pixels.format = "png";
  auto odd_format = without_pixels;
  odd_format.format = "png\r\nSet-Cookie: x";
  for (const std::string& answer : {
           std::string("HTTP/1.1 200 OK\r\n\r\n"),
           std::string("Content-Length: 8\r\n\r\nnot json"),
           std::string("Content-Length: 99999999999\r\n\r\n"),
           std::string("Content-Length: 2\r\nContent-Parts: 99999999999\r\n\r\n{}"),
           on_the_wire(protocol::result_frame(77, protocol::Empty{})),
           on_the_wire(protocol::request_frame(1, protocol::PingRequest{})),
           on_the_wire(protocol::notification_frame(protocol::CancelNotification{"x"})),
           on_the_wire(protocol::result_frame_of(1, "[1]", {})),
           on_the_wire(protocol::result_frame(1, without_pixels)),
           on_the_wire(protocol::result_frame(1, odd_format)),
       }) {
    std::vector<int> pids;
    Decoder decoder(first(saying(hello() + answer), &pids));
    EXPECT_EQ(decoder.decode(png).image.width, 32) << answer;
    EXPECT_EQ(pids.size(), 2U) << answer;
    EXPECT_NE(::kill(pids.at(0), 0), 0) << "it still runs after " << answer;
  }
}

TEST(DecoderChannel, OneThatClosesItsSocketIsReplaced) {
  // After it has answered the hello.
  Decoder decoder(first(saying(hello(), "head -c 1 <&3 >/dev/null; exec 3>&-; exec sleep 1000")));
  EXPECT_EQ(decoder.decode(a_png()).image.width, 32);
}

TEST(DecoderChannel, OneThatHangsFailsThatPictureAndNoOther) {
  const auto png = a_png();
  std::vector<std::future<void>> all;  // at once, because each takes its whole time
  for (const std::string& answer :
       {std::string(), std::string("Content-Le"),
        std::string("Content-Length: 100\r\n\r\n{\"jsonrpc\""),
        std::string("Content-Length: 2\r\nContent-Parts: 9\r\n\r\n{}")}) {
    all.push_back(std::async(std::launch::async, [answer, &png] {
      Decoder decoder(first(saying(hello() + answer)), short_patience());
      const auto failure = failure_of([&] { decoder.decode(png); });
      EXPECT_EQ(failure.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(failure.what(), HasSubstr("did not answer in time")) << answer;
      EXPECT_EQ(decoder.decode(png).image.width, 32) << answer;
    }));
  }
  all.push_back(std::async(std::launch::async, [&png] {
    Decoder decoder(first(saying(hello())), short_patience());
    const protocol::Bytes large(20 << 20);  // more than a socket keeps
    EXPECT_THAT(failure_of([&] { decoder.decode(large); }).what(),
                HasSubstr("did not take a message in time"));
    EXPECT_EQ(decoder.decode(png).image.width, 32);
  }));
  for (auto& each : all) each.get();
}

TEST(DecoderChannel, OneThatNeverSendsItsHelloIsEnded) {
  Patience patience;
  patience.greeting = 300ms;
  for (const std::string& said : {std::string(), hello().substr(0, 30)}) {
    Decoder decoder(first(saying(said)), patience);
    const auto failure = failure_of([&] { decoder.decode(a_png()); });
    EXPECT_EQ(failure.code(), ErrorCode::kInternal);
    EXPECT_THAT(failure.what(), HasSubstr("before it was ready"));
  }
}

TEST(DecoderChannel, OneThatEndsWhileItStartsFailsNoPicture) {
  Decoder decoder(first(saying("", "exit 3")));
  EXPECT_EQ(decoder.decode(a_png()).image.width, 32);
  Decoder never(saying("", "exit 3"));
  EXPECT_THAT(failure_of([&] { never.decode(a_png()); }).what(),
              HasSubstr("exited with code 3 before it was ready"));
}

TEST(DecoderChannel, OneThatIsNotReadyGetsNoPicture) {
  protocol::HelloReply failed;
  failed.program = "atelier-media";
  failed.state = "failed";
  failed.problem = "there is no sandbox here";
  const auto said = on_the_wire(protocol::result_frame(2, failed));
  Decoder decoder(first(saying(said)));
  EXPECT_THAT(failure_of([&] { decoder.decode(a_png()); }).what(), HasSubstr("no sandbox here"));
  EXPECT_EQ(decoder.decode(a_png()).image.width, 32);  // by another
}

TEST(DecoderChannel, OneThatHangsWhileIdleFailsNoPicture) {
  std::vector<int> pids;
  auto patience = short_patience();
  patience.picture = 60s;
  patience.idle_decoder = 500ms;
  Decoder decoder(first(real(), &pids), patience);
  const auto png = a_png();
  EXPECT_EQ(decoder.decode(png).image.width, 32);
  ASSERT_EQ(::kill(pids.at(0), SIGSTOP), 0);
  const auto begin = Clock::now();
  EXPECT_EQ(decoder.decode(png).image.width, 32);
  EXPECT_LT(Clock::now() - begin, 30s);
  EXPECT_EQ(pids.size(), 2U);
}

TEST(DecoderChannel, AnAbortEndsACallAtAnyStage) {
  const protocol::Bytes large(20 << 20);
  for (const auto& bad :
       {saying(""), saying(hello())}) {  // during the hello, while it takes nothing
    Decoder decoder(bad);
    std::jthread stop([&] {
      std::this_thread::sleep_for(200ms);
      decoder.abort();
    });
    const auto begin = Clock::now();
    EXPECT_THAT(failure_of([&] { decoder.decode(large); }).what(), HasSubstr("stopping"));
    EXPECT_LT(Clock::now() - begin, 30s);
    EXPECT_THROW(decoder.decode(large), Error);
  }
}

}  // namespace
}  // namespace atelier::scheduler
