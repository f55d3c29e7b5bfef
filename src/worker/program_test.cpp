// The program atelier-worker over a real socket: start, work, and every way to end.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "card/all_tasks.h"
#include "card/tasks/generate.h"
#include "platform/process.h"
#include "protocol/channel.h"
#include "protocol/messages.h"
#include "worker/session.h"

namespace atelier::worker {
namespace {

using protocol::Message;
using namespace std::chrono_literals;

class Program {
 public:
  explicit Program(std::vector<std::string> arguments)
      : child_(platform::ChildProcess::spawn(
            {std::getenv("ATELIER_WORKER"), std::move(arguments), {}, 0})),
        channel_(::dup(child_.socket())) {}

  void send(const protocol::Frame& frame) { channel_.send(frame); }
  std::optional<Message> next() {
    auto frame = channel_.receive();
    if (!frame) return std::nullopt;
    return protocol::read_message(std::move(*frame));
  }
  std::optional<Message> reply() {
    for (;;) {
      auto message = next();
      if (!message || message->kind != Message::Kind::kNotification) return message;
    }
  }
  protocol::HelloReply hello() {
    send(protocol::request_frame(1, protocol::HelloRequest{}));
    return reply().value().body_as<protocol::HelloReply>();
  }
  void generate(int steps) {
    card::GenerationInput input;
    input.steps = steps;
    input.width = input.height = 64;
    protocol::RunRequest request;
    request.job = "job";
    request.task = card::generate_task().id;
    request.input = json::parse(json::write_json(input));
    request.models["model"] = protocol::model_files("fake", "");
    send(protocol::request_frame(2, request));
  }
  void close() { channel_.close(); }
  platform::ChildProcess& child() { return child_; }
  std::optional<platform::ProcessEnd> end() { return child_.wait_end(10s); }

 private:
  platform::ChildProcess child_;
  protocol::Channel channel_;
};

TEST(WorkerProgram, SaysHelloAndGenerates) {
  Program program({"--engine", "fake", "--fake", "step_ms=1"});
  const auto hello = program.hello();
  EXPECT_EQ(hello.program, "atelier-worker");
  EXPECT_EQ(hello.state, "ready");
  EXPECT_EQ(hello.pid, program.child().pid());
  EXPECT_EQ(hello.cards.at(0).id, "fake");
  EXPECT_FALSE(hello.samplers.empty());
  std::vector<std::string> tasks;
  for (const auto* task : card::all_tasks()) {
    if (!task->steps) tasks.push_back(task->id);
  }
  EXPECT_EQ(hello.tasks, tasks);
  EXPECT_EQ(hello.engine.value().running_max, 1);
  program.generate(3);
  const auto reply = program.reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->kind, Message::Kind::kResult) << reply->failure;
  program.close();
  EXPECT_EQ(program.end().value().exit_code, kExitOk);
}

TEST(WorkerProgram, AMissingEngineLibraryIsASentenceInTheHello) {
  Program program({"--engine", "abacus"});
  const auto hello = program.hello();
  EXPECT_EQ(hello.state, "missing");
  EXPECT_NE(hello.problem.find("libatelier-engine-abacus.so"), std::string::npos) << hello.problem;
  EXPECT_EQ(program.end().value().exit_code, kExitNoEngine);
}

TEST(WorkerProgram, AStationOfAnotherVersionIsRefused) {
  Program program({"--engine", "fake"});
  program.send(protocol::request_frame(1, protocol::HelloRequest{99, "atelier"}));
  const auto reply = program.reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->kind, Message::Kind::kFailure);
  EXPECT_NE(reply->failure.find("version 99"), std::string::npos) << reply->failure;
  EXPECT_EQ(program.end().value().exit_code, kExitBadStart);
}

TEST(WorkerProgram, ACrashClosesTheSocket) {
  Program program({"--engine", "fake", "--fake", "step_ms=1,crash_at_step=2"});
  program.hello();
  program.generate(5);
  EXPECT_FALSE(program.reply());
  EXPECT_EQ(program.end().value().signal, SIGABRT);
}

TEST(WorkerProgram, EndsWithItsSocketEvenWhenTheEngineHangs) {
  Program program({"--engine", "fake", "--fake", "hang"});
  program.hello();
  program.generate(5);
  // The last message before it hangs.
  while (program.next().value().body_as<protocol::ProgressNotification>().progress.stage !=
         "denoise") {
  }
  program.close();
  EXPECT_EQ(program.end().value().exit_code, kExitOk);
}

TEST(WorkerProgram, WrongArgumentsEndIt) {
  Program program({"--colour", "red"});
  EXPECT_FALSE(program.next());
  EXPECT_EQ(program.end().value().exit_code, kExitBadStart);
}

}  // namespace
}  // namespace atelier::worker
