// The real program over a real socket, with the fake engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/error.h"
#include "platform/process.h"
#include "protocol/channel.h"
#include "protocol/messages.h"

namespace atelier::worker {
namespace {

using namespace std::chrono_literals;
using protocol::Message;

class Worker {
 public:
  explicit Worker(const std::string& switches, const std::string& engine = "fake")
      : child_(platform::ChildProcess::spawn(
            {ATELIER_WORKER, {"--engine", engine, "--fake", switches}, {}, 0})),
        channel_(::dup(child_.socket())) {}

  Message hello(int version = protocol::kProtocolVersion) {
    channel_.send(protocol::request_frame(1, protocol::HelloRequest{version, "atelier"}));
    return next().value();
  }
  void generate(const std::string& job, int steps, int batch = 1) {
    protocol::GenerateRequest request;
    request.job = job;
    request.model = {"fake", ""};
    request.input.prompt = "noise";
    request.input.steps = steps;
    request.input.batch = batch;
    request.input.seed = 5;
    request.input.preview_every = 2;
    channel_.send(protocol::request_frame(2, request));
  }
  std::optional<Message> next() {
    auto frame = channel_.receive();
    if (!frame) return std::nullopt;
    return protocol::read_message(std::move(*frame));
  }
  // Skips notifications; nothing when the worker died.
  std::optional<Message> reply() {
    for (;;) {
      std::optional<Message> message = next();
      if (!message || message->kind != Message::Kind::kNotification) return message;
      ++notifications[message->method];
    }
  }
  platform::ChildProcess& child() { return child_; }
  protocol::Channel& channel() { return channel_; }
  std::map<std::string, int> notifications;

 private:
  platform::ChildProcess child_;
  protocol::Channel channel_;
};

TEST(Worker, SaysHelloAndMakesPictures) {
  Worker worker("step_ms=1");
  const auto hello = worker.hello().body_as<protocol::HelloReply>();
  EXPECT_EQ(hello.state, "ready");
  EXPECT_EQ(hello.pid, worker.child().pid());
  ASSERT_TRUE(hello.engine.has_value());
  EXPECT_EQ(hello.engine->name, "fake");
  ASSERT_EQ(hello.cards.size(), 1U);

  worker.generate("job", 4, 2);
  std::optional<Message> message = worker.reply();
  ASSERT_TRUE(message && message->kind == Message::Kind::kResult);
  const auto reply = message->body_as<protocol::GenerateReply>();
  EXPECT_EQ(reply.job, "job");
  ASSERT_EQ(reply.images.size(), 2U);
  const media::Image first = protocol::take_picture(message->parts, reply.images[0]);
  EXPECT_EQ(first.width, 128);
  EXPECT_EQ(first.pixels.size(), first.byte_count());
  EXPECT_NE(first.pixels, protocol::take_picture(message->parts, reply.images[1]).pixels);
  EXPECT_GE(worker.notifications["progress"], 4);
  EXPECT_EQ(worker.notifications["preview"], 2);
}

TEST(Worker, CancelsBetweenSteps) {
  Worker worker("step_ms=20");
  worker.hello();
  worker.generate("long", 1000);
  worker.next();
  worker.channel().send(protocol::notification_frame(protocol::CancelNotification{"another"}));
  worker.channel().send(protocol::notification_frame(protocol::CancelNotification{"long"}));
  const std::optional<Message> message = worker.reply();
  ASSERT_TRUE(message && message->kind == Message::Kind::kFailure);
  EXPECT_EQ(message->failure_code, ErrorCode::kCancelled);
  worker.generate("next", 2);
  EXPECT_EQ(worker.reply()->kind, Message::Kind::kResult);
}

TEST(Worker, RefusesAnotherVersionWithASentence) {
  Worker worker("");
  const auto hello = worker.hello(protocol::kProtocolVersion + 1).body_as<protocol::HelloReply>();
  EXPECT_NE(hello.state, "ready");
  EXPECT_THAT(hello.problem, testing::HasSubstr("version"));
  EXPECT_EQ(worker.child().wait_end(5s)->exit_code, 1);
}

TEST(Worker, AMissingLibraryIsASentence) {
  Worker worker("", "quantum");
  const auto hello = worker.hello().body_as<protocol::HelloReply>();
  EXPECT_EQ(hello.state, "missing");
  EXPECT_THAT(hello.problem, testing::HasSubstr("libatelier-engine-quantum.so"));
}

TEST(Worker, OutOfMemoryIsAReplyAndTheNextJobWorks) {
  Worker worker("step_ms=1,oom_at_step=3");
  worker.hello();
  worker.generate("big", 4);
  EXPECT_EQ(worker.reply()->failure_code, ErrorCode::kOutOfMemory);
  worker.generate("small", 2);
  EXPECT_EQ(worker.reply()->kind, Message::Kind::kResult);
}

TEST(Worker, ACrashClosesTheSocket) {
  Worker worker("step_ms=1,crash_at_step=2");
  worker.hello();
  worker.generate("job", 4);
  EXPECT_FALSE(worker.reply().has_value());
  EXPECT_EQ(worker.child().wait_end(5s)->signal, SIGABRT);
}

TEST(Worker, AnUnknownMethodIsRefused) {
  Worker worker("");
  worker.hello();
  worker.channel().send(protocol::request_frame(9, "dance", "{}", {}));
  EXPECT_EQ(worker.reply()->failure_code, ErrorCode::kUnsupported);
}

TEST(Worker, EndsWhenItsStationGoes) {
  Worker worker("step_ms=20");
  worker.hello();
  worker.generate("long", 1000);
  worker.next();
  worker.channel().close();
  ::shutdown(worker.child().socket(), SHUT_RDWR);
  EXPECT_EQ(worker.child().wait_end(5s)->exit_code, 0);
}

}  // namespace
}  // namespace atelier::worker
