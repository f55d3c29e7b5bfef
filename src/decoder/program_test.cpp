// The program atelier-media over a real socket, sandbox included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "decoder/session.h"
#include "platform/process.h"
#include "protocol/channel.h"
#include "protocol/messages.h"

namespace atelier::decoder {
namespace {

using protocol::Bytes;
using protocol::Message;
using namespace std::chrono_literals;

class Program {
 public:
  explicit Program(std::map<std::string, std::string> environment = {})
      : child_(platform::ChildProcess::spawn(
            {std::getenv("ATELIER_MEDIA"), {}, std::move(environment), 0})),
        channel_(::dup(child_.socket())) {}

  std::optional<Message> call(const protocol::Frame& frame) {
    channel_.send(frame);
    auto reply = channel_.receive();
    if (!reply) return std::nullopt;
    return protocol::read_message(std::move(*reply));
  }
  protocol::HelloReply hello() {
    return call(protocol::request_frame(1, protocol::HelloRequest{}))
        .value()
        .body_as<protocol::HelloReply>();
  }
  std::optional<Message> decode(Bytes file, const protocol::DecodeRequest& request = {}) {
    return call(protocol::request_frame(2, request, {std::move(file)}));
  }
  Bytes encode(const media::Image& picture, const std::string& format,
               std::vector<protocol::TextEntry> texts = {}) {
    std::vector<Bytes> parts;
    protocol::EncodeRequest request;
    request.picture = protocol::add_picture(parts, picture);
    request.format = format;
    request.texts = std::move(texts);
    auto reply = call(protocol::request_frame(3, request, std::move(parts))).value();
    EXPECT_EQ(reply.kind, Message::Kind::kResult) << reply.failure;
    return reply.parts.at(0);
  }
  void send(const protocol::Frame& frame) { channel_.send(frame); }
  std::optional<Message> receive() { return protocol::read_message(channel_.receive().value()); }
  bool replies() {
    pollfd socket{child_.socket(), POLLIN, 0};
    return ::poll(&socket, 1, 0) > 0;
  }
  pid_t pid() const { return child_.pid(); }
  void close() { channel_.close(); }
  std::optional<platform::ProcessEnd> end() { return child_.wait_end(10s); }

 private:
  platform::ChildProcess child_;
  protocol::Channel channel_;
};

media::Image stripes() {
  media::Image image{48, 32, 3, {}};
  for (int i = 0; i < 48 * 32 * 3; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 7));
  return image;
}

TEST(DecoderProgram, SaysHelloFromInsideItsSandbox) {
  Program program;
  const auto hello = program.hello();
  EXPECT_EQ(hello.program, "atelier-media");
  EXPECT_EQ(hello.state, "ready");
  for (const char* measure : {"limits", "no_new_privs", "capabilities", "seccomp"}) {
    EXPECT_EQ(std::count(hello.sandbox.begin(), hello.sandbox.end(), measure), 1) << measure;
  }
  program.close();
  EXPECT_EQ(program.end().value().exit_code, 0);
}

// Whether every thread's status has all of these lines; `threads` gets how many there were.
bool every_thread_says(pid_t pid, const std::vector<std::string>& lines, int& threads) {
  threads = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(task.path() / "status");
    const std::string status{std::istreambuf_iterator<char>(file), {}};
    if (status.empty()) continue;  // has ended since
    ++threads;
    for (const std::string& line : lines) {
      if (status.find("\n" + line + "\n") != std::string::npos) continue;
      ADD_FAILURE() << "no '" << line << "' in\n" << status;
      return false;
    }
  }
  return true;
}

TEST(DecoderProgram, EveryThreadIsFilteredWhileItDecodes) {
  Program program;
  program.hello();
  media::Image large{5000, 4000, 3, {}};
  large.pixels.resize(large.byte_count(), 90);
  for (std::size_t i = 0; i < large.pixels.size(); i += 7) large.pixels[i] = 140;
  const Bytes file = program.encode(large, "jpeg");
  const std::vector<std::string> lines{"Seccomp:\t2", "NoNewPrivs:\t1", "CapPrm:\t0000000000000000",
                                       "CapEff:\t0000000000000000"};
  bool seen = false;
  for (int attempt = 0; attempt < 10 && !seen; ++attempt) {
    // More than a socket holds: once it is sent, the decoder has begun to read it.
    program.send(protocol::request_frame(5, protocol::DecodeRequest{}, {file}));
    int threads = 0;
    for (bool first = true; first || !program.replies(); first = false) {
      ASSERT_TRUE(every_thread_says(program.pid(), lines, threads));
      seen = seen || (threads > 1 && !program.replies());
    }
    EXPECT_EQ(program.receive().value().kind, Message::Kind::kResult);
  }
  EXPECT_TRUE(seen) << "it never decoded while it was observed";
}

// serve() in a thread of its own, without a sandbox.
TEST(DecoderProgram, WithoutAFilterEveryPictureIsRefusedWithASentence) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  protocol::Channel ours(ends[0]);
  std::thread theirs([socket = ends[1]] {
    protocol::Channel channel(socket);
    SessionOptions options;
    options.sandbox = {"limits", "no_new_privs"};
    serve(channel, options);
  });
  const auto ask = [&ours](const protocol::Frame& frame) {
    ours.send(frame);
    return protocol::read_message(ours.receive().value());
  };
  const auto hello =
      ask(protocol::request_frame(1, protocol::HelloRequest{})).body_as<protocol::HelloReply>();
  EXPECT_EQ(hello.state, "failed");
  EXPECT_THAT(hello.problem, testing::HasSubstr("seccomp"));
  const auto reply = ask(protocol::request_frame(2, protocol::DecodeRequest{}, {{1, 2, 3}}));
  EXPECT_EQ(reply.failure_code, ErrorCode::kUnsupported);
  EXPECT_EQ(reply.failure, hello.problem);
  ours.close();
  theirs.join();
}

TEST(DecoderProgram, PicturesAndTextsSurviveARoundTrip) {
  Program program;
  program.hello();
  const Bytes file = program.encode(stripes(), "png", {{"parameters", "a\nSteps: 2"}});
  auto reply = program.decode(file).value();
  ASSERT_EQ(reply.kind, Message::Kind::kResult) << reply.failure;
  const auto decoded = reply.body_as<protocol::DecodeReply>();
  EXPECT_EQ(protocol::take_picture(reply.parts, decoded.picture.value()).pixels, stripes().pixels);
  EXPECT_EQ(decoded.texts.at(0).value, "a\nSteps: 2");
  for (const char* format : {"jpeg", "webp"}) {
    EXPECT_EQ(program.decode(program.encode(stripes(), format)).value().kind,
              Message::Kind::kResult);
  }
}

TEST(DecoderProgram, CompositesOnTheMatteThatItIsTold) {
  Program program;
  program.hello();
  const media::Image picture{2, 1, 4, {255, 0, 0, 0, 10, 20, 30, 255}};
  const Bytes file = program.encode(picture, "png");
  const auto pixels = [&](const std::string& matte) {
    protocol::DecodeRequest request;
    request.matte = matte;
    auto reply = program.decode(file, request).value();
    const auto decoded = reply.body_as<protocol::DecodeReply>();
    return protocol::take_picture(reply.parts, decoded.picture.value()).pixels;
  };
  EXPECT_EQ(pixels(""), picture.pixels);
  EXPECT_EQ(pixels("#010203"), (Bytes{1, 2, 3, 10, 20, 30}));
  protocol::DecodeRequest nonsense;
  nonsense.matte = "#no";
  EXPECT_EQ(program.decode(file, nonsense).value().failure_code, ErrorCode::kInvalidArgument);
}

TEST(DecoderProgram, ABadPictureIsAReplyAndTheNextOneWorks) {
  Program program;
  program.hello();
  Bytes file = program.encode(stripes(), "png");
  file.resize(file.size() / 2);
  EXPECT_EQ(program.decode(file).value().failure_code, ErrorCode::kCorruptData);
  EXPECT_EQ(program.decode({}).value().failure_code, ErrorCode::kCorruptData);
  protocol::DecodeRequest small;
  small.max_pixels = 100;
  EXPECT_EQ(program.decode(program.encode(stripes(), "png"), small).value().failure_code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(program.call(protocol::request_frame(9, "dance", "{}", {})).value().failure_code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(program.decode(program.encode(stripes(), "png")).value().kind, Message::Kind::kResult);
}

TEST(DecoderProgram, ACrashEndsThisProcessAlone) {
  Program program(std::map<std::string, std::string>{{"ATELIER_MEDIA_TEST_CRASH", "boom"}});
  program.hello();
  EXPECT_FALSE(program.decode({'b', 'o', 'o', 'm'}));
  EXPECT_EQ(program.end().value().signal, SIGABRT);
}

TEST(DecoderProgram, AStationOfAnotherVersionIsRefused) {
  Program program;
  const auto reply =
      program.call(protocol::request_frame(1, protocol::HelloRequest{99, "atelier"})).value();
  EXPECT_EQ(reply.failure_code, ErrorCode::kUnsupported);
  EXPECT_NE(reply.failure.find("version 99"), std::string::npos);
}

TEST(DecoderProgram, NonsenseEndsIt) {
  Program program;
  program.hello();
  EXPECT_FALSE(program.call({"not json", {}}));
  EXPECT_EQ(program.end().value().exit_code, 2);
}

}  // namespace
}  // namespace atelier::decoder
