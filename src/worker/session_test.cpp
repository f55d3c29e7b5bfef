#include "worker/session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "worker/fake_engine.h"

namespace atelier::worker {
namespace {

using protocol::Message;

// A session on one end of a socket, the test on the other.
class SessionTest : public testing::Test {
 protected:
  void start(const std::string& switches) {
    engine_ = make_fake_engine(read_fake_switches(switches));
    thread_ = std::jthread([this] { exit_code_ = Session(worker_end_, *engine_).run(); });
  }
  int end() {
    station_.close();
    thread_.join();
    return exit_code_;
  }
  Message next() {
    auto frame = station_.receive();
    if (!frame) throw std::runtime_error("the session has ended");
    return protocol::read_message(std::move(*frame));
  }
  Message reply() {
    for (;;) {
      Message message = next();
      if (message.kind != Message::Kind::kNotification) return message;
    }
  }
  static protocol::GenerateRequest job(const std::string& id, int steps) {
    protocol::GenerateRequest request;
    request.job = id;
    request.model.id = "fake";
    request.input.width = request.input.height = 64;
    request.input.steps = steps;
    request.input.preview_every = 1;
    return request;
  }

  std::array<int, 2> ends_ = make_ends();
  // A batch of 16 pictures of 512x512 is more than these take.
  static constexpr protocol::FrameLimits kLimits{.total_bytes = std::size_t{8} << 20};
  protocol::Channel station_{ends_[0], kLimits}, worker_end_{ends_[1], kLimits};
  std::unique_ptr<engine::Engine> engine_;
  int exit_code_ = -1;
  std::jthread thread_;

 private:
  static std::array<int, 2> make_ends() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return ends;
  }
};

TEST_F(SessionTest, GeneratesWithProgressPreviewsAndPictures) {
  start("step_ms=1");
  station_.send(protocol::request_frame(1, job("j1", 3)));
  int steps = 0;
  int previews = 0;
  Message message = next();
  for (; message.kind == Message::Kind::kNotification; message = next()) {
    if (message.method == "progress") {
      const auto progress = message.body_as<protocol::ProgressNotification>();
      EXPECT_EQ(progress.job, "j1");
      if (progress.stage == "denoise") {
        EXPECT_EQ(progress.step, ++steps);
      }
    } else {
      const auto preview = message.body_as<protocol::PreviewNotification>();
      EXPECT_EQ(protocol::take_picture(message.parts, preview.picture).width, 64);
      ++previews;
    }
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(previews, 3);
  ASSERT_EQ(message.kind, Message::Kind::kResult) << message.failure;
  EXPECT_EQ(message.id, 1);
  const auto reply = message.body_as<protocol::GenerateReply>();
  ASSERT_EQ(reply.images.size(), 1U);
  EXPECT_EQ(protocol::take_picture(message.parts, reply.images[0]).height, 64);
  EXPECT_EQ(reply.used.steps, 3);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionTest, ARunningJobIsCancelledAndTheNextOneWorks) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("long", 1000)));
  while (next().method != "preview") {
  }
  station_.send(protocol::notification_frame(protocol::CancelNotification{"long"}));
  const Message cancelled = reply();
  EXPECT_EQ(cancelled.kind, Message::Kind::kFailure);
  EXPECT_EQ(cancelled.failure_code, ErrorCode::kCancelled);
  station_.send(protocol::request_frame(2, job("short", 1)));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionTest, ACancelThatOvertakesItsJobHolds) {
  start("step_ms=5");
  station_.send(protocol::notification_frame(protocol::CancelNotification{"later"}));
  station_.send(protocol::request_frame(1, job("later", 1000)));
  EXPECT_EQ(reply().failure_code, ErrorCode::kCancelled);
  end();
}

TEST_F(SessionTest, APingIsAnsweredWhileAJobRuns) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("long", 1000)));
  while (next().method != "preview") {
  }
  station_.send(protocol::request_frame(2, protocol::PingRequest{}));
  const Message pong = reply();
  EXPECT_EQ(pong.id, 2);
  EXPECT_EQ(pong.kind, Message::Kind::kResult);
  end();
}

TEST_F(SessionTest, SaysFirstThatAJobHasBegun) {
  start("step_ms=0");
  station_.send(protocol::request_frame(1, job("j", 0)));  // which is refused
  EXPECT_EQ(next().body_as<protocol::ProgressNotification>().job, "j");
  EXPECT_EQ(next().failure_code, ErrorCode::kInvalidArgument);
  end();
}

TEST_F(SessionTest, AResultThatIsTooLargeForAMessageIsAFailureAndTheNextOneComes) {
  start("step_ms=0");
  station_.send(protocol::request_frame(1, job("large", 1)));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  auto larger = job("larger", 1);
  larger.input.batch = 16;
  larger.input.width = larger.input.height = 512;
  larger.input.preview_every = 0;
  station_.send(protocol::request_frame(2, larger));
  const Message refused = reply();
  EXPECT_EQ(refused.id, 2);
  EXPECT_EQ(refused.failure_code, ErrorCode::kTooLarge);
  station_.send(protocol::request_frame(3, job("small", 1)));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionTest, BadRequestsAreAnsweredWithSentences) {
  start("step_ms=0");
  auto request = job("bad", 0);
  station_.send(protocol::request_frame(1, request));
  EXPECT_EQ(reply().failure_code, ErrorCode::kInvalidArgument);
  request = job("no picture", 1);
  request.image = protocol::PictureRef{3, 8, 8, 3};
  station_.send(protocol::request_frame(2, request));
  EXPECT_EQ(reply().failure_code, ErrorCode::kCorruptData);
  station_.send(protocol::request_frame(3, "dance", "{}", {}));
  EXPECT_EQ(reply().failure_code, ErrorCode::kUnsupported);
  station_.send(protocol::request_frame(4, protocol::PingRequest{}));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  end();
}

TEST_F(SessionTest, TellsItsMemoryAndUnloads) {
  start("step_ms=0");
  station_.send(protocol::request_frame(1, job("j", 1)));
  reply();
  station_.send(protocol::request_frame(2, protocol::MemoryRequest{}));
  const auto loaded = reply().body_as<protocol::MemoryReply>();
  EXPECT_EQ(loaded.loaded_models, std::vector<std::string>{"fake"});
  EXPECT_GT(loaded.process_bytes, 0);
  station_.send(protocol::request_frame(3, protocol::UnloadRequest{}));
  reply();
  station_.send(protocol::request_frame(4, protocol::MemoryRequest{}));
  EXPECT_TRUE(reply().body_as<protocol::MemoryReply>().loaded_models.empty());
  end();
}

TEST_F(SessionTest, EndsAfterItsDeviceHasFailed) {
  start("poison_at_step=1");
  station_.send(protocol::request_frame(1, job("j", 3)));
  EXPECT_EQ(reply().failure_code, ErrorCode::kWorkerLost);
  thread_.join();
  EXPECT_EQ(exit_code_, kExitDeviceLost);
}

TEST_F(SessionTest, NonsenseEndsIt) {
  start("");
  station_.send({"not json", {}});
  thread_.join();
  EXPECT_EQ(exit_code_, kExitBadMessage);
}

TEST_F(SessionTest, ItsOwnEndIsNoCancellationOfAnyJob) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("runs", 1000)));
  station_.send(protocol::request_frame(2, job("stands by", 1000)));
  while (next().method != "preview") {
  }
  station_.send({"not json", {}});
  while (auto frame = station_.receive()) {
    EXPECT_EQ(protocol::read_message(std::move(*frame)).kind, Message::Kind::kNotification);
  }
  thread_.join();
  EXPECT_EQ(exit_code_, kExitBadMessage);
}

TEST_F(SessionTest, AClosedSocketEndsARunningJob) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("long", 1000)));
  next();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(end(), kExitOk);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

}  // namespace
}  // namespace atelier::worker
