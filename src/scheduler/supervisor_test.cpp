// Time is an argument of tick(), so that hours pass here in moments; the children are real.
#include "scheduler/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/process_activity.h"
#include "tests/doubles/scripted_child.h"

namespace atelier::scheduler {
namespace {

using namespace std::chrono_literals;
using State = Supervisor::State;

class SupervisorTest : public testing::Test {
 protected:
  Supervisor& supervise(LaunchChild launch) {
    supervisor_.reset();
    while (inbox_.take(0ms)) {
    }  // messages of the one before
    supervisor_ = std::make_unique<Supervisor>(
        std::move(launch), inbox_,
        SupervisorEvents{
            .ready = [](const protocol::HelloReply&) {},
            .lost = [this](const WorkerEnd& end) { ends_.push_back(end); },
            .progressed = [this](const protocol::ProgressNotification&) { ++progress_; },
            .previewed = [](const protocol::PreviewNotification&, const media::Image&) {},
            .text = [this](const protocol::TextNotification& text) { return read_text_(text); }},
        patience_);
    return *supervisor_;
  }

  void take_until(const std::function<bool()>& done) {
    while (!done()) {
      const auto message = inbox_.take(60s);
      ASSERT_TRUE(message) << "it does not come to this";
      (*message)();
    }
  }
  // Takes messages until the child's end is among them.
  void take_its_end() {
    take_until([this, before = ends_.size()] { return ends_.size() > before; });
  }
  // Starts a child and handles messages until its hello.
  void get_ready() {
    now_ += 1h;
    supervisor_->tick(now_);
    take_until([this] { return supervisor_->state() == State::kReady; });
  }
  // Advances the time in steps of a second; the scheduler ticks five times as often.
  void pass(std::chrono::seconds time) {
    for (auto left = time; left > 0s; left -= 1s) supervisor_->tick(now_ += 1s);
  }
  static Supervisor::Read ignore() {
    return [](const protocol::Message&) { return Supervisor::Deed{}; };
  }
  static std::string hello() { return hello_of("atelier-worker", 1); }

  Inbox inbox_;
  std::vector<WorkerEnd> ends_;
  int progress_ = 0;
  std::function<Supervisor::Deed(const protocol::TextNotification&)> read_text_ =
      [](const protocol::TextNotification&) { return Supervisor::Deed{}; };
  Patience patience_;
  Supervisor::Clock::time_point now_ = Supervisor::Clock::now();
  std::unique_ptr<Supervisor> supervisor_;  // last: it uses the inbox
};

TEST_F(SupervisorTest, AChildThatEndsIsRestartedAfterGrowingDelays) {
  auto& supervisor = supervise(launcher_of("/bin/false", {}));
  supervisor.tick(now_);
  EXPECT_EQ(supervisor.state(), State::kStarting);
  auto delay = domain::limits::kRestartDelayMin;
  for (int restart = 1; restart <= 12; ++restart) {
    take_its_end();
    EXPECT_EQ(supervisor.state(), State::kLost);
    supervisor.tick(now_ + delay - 1ms);
    EXPECT_EQ(supervisor.pid(), 0) << "too early after end " << restart;
    now_ += delay;
    supervisor.tick(now_);
    EXPECT_EQ(supervisor.restarts(), restart);
    delay = std::min(delay * 2, domain::limits::kRestartDelayMax);
  }
  EXPECT_EQ(delay, domain::limits::kRestartDelayMax);
  EXPECT_EQ(ends_.front().sentence, "exited with code 1");
}

TEST_F(SupervisorTest, AJobThatBeginsResetsTheDelayOfTheNextRestart) {
  const auto begins =
      on_the_wire(protocol::notification_frame(protocol::ProgressNotification{"job", {}}));
  int lives = 0;  // the hello is the only request of each
  const auto launch = [&] {
    ++lives;
    const auto said = hello_of("atelier-worker", lives) + (lives == 9 ? begins : "");
    return saying(said, "exit 1")();
  };
  auto& supervisor = supervise(launch);
  for (int i = 0; i < 8; ++i) {
    supervisor.tick(now_);
    take_its_end();
    now_ += 1h;
  }
  supervisor.tick(now_);
  take_its_end();
  now_ += domain::limits::kRestartDelayMax;
  supervisor.tick(now_);
  EXPECT_EQ(supervisor.restarts(), 9);
  take_its_end();
  supervisor.tick(now_ + domain::limits::kRestartDelayMin);
  EXPECT_NE(supervisor.pid(), 0);
}

TEST_F(SupervisorTest, AChildThatNeverSendsItsHelloIsEnded) {
  for (const std::string& said : {std::string(), hello().substr(0, 40)}) {
    auto& supervisor = supervise(saying(said));
    supervisor.tick(now_);
    const int first = supervisor.pid();
    pass(119s);
    EXPECT_EQ(supervisor.pid(), first);
    EXPECT_EQ(supervisor.state(), State::kStarting);
    pass(1s);
    take_its_end();
    EXPECT_EQ(ends_.back().sentence, "was ended because it did not get ready within 120 s");
    pass(1s);
    EXPECT_NE(supervisor.pid(), 0);
    EXPECT_NE(supervisor.pid(), first);
  }
}

TEST_F(SupervisorTest, AChildThatSendsNothingIsReplaced) {
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  pass(10s);  // one for the hello
  EXPECT_EQ(supervisor.state(), State::kReady);
  pass(2s);
  EXPECT_EQ(supervisor.state(), State::kLost) << "nothing more is given to it";
  take_its_end();
  EXPECT_EQ(ends_.back().sentence, "was ended because it sent nothing for 10 s");
  EXPECT_TRUE(ends_.back().own_fault);
}

TEST_F(SupervisorTest, AStoppedProcessIsNamed) {
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  ASSERT_EQ(::kill(supervisor.pid(), SIGSTOP), 0);
  const auto until = Supervisor::Clock::now() + 60s;
  while (!platform::process_activity(supervisor.pid()).stopped()) {
    ASSERT_LT(Supervisor::Clock::now(), until);
  }
  pass(12s);
  take_its_end();
  EXPECT_EQ(ends_.back().sentence,
            "was ended because it sent nothing for 10 s: its process was stopped by a signal "
            "(SIGSTOP)");
}

TEST_F(SupervisorTest, AChildThatBeatsIsNeverReplaced) {
  // It beats, and reports progress so that the test knows when, for each line of the requests.
  const auto said =
      on_the_wire(protocol::notification_frame(protocol::BeatNotification{})) +
      on_the_wire(protocol::notification_frame(protocol::ProgressNotification{"job", {}}));
  auto& supervisor = supervise(
      launcher_of("/bin/bash", {"-c",
                                "printf %s \"$1\" >&3; while read -r line <&3; do printf %s "
                                "\"$2\" >&3; done",
                                "bash", hello(), said}));
  get_ready();
  for (int i = 0; i < 20; ++i) {
    supervisor.request(protocol::MemoryRequest{}, {}, ignore());
    take_until([this, i] { return progress_ == 2 * (i + 2); });  // two lines each, the hello's too
    pass(9s);
    ASSERT_EQ(supervisor.state(), State::kReady) << i;
  }
}

TEST_F(SupervisorTest, TimeInWhichTheStationWasStoppedIsNotCounted) {
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  pass(5s);
  now_ += 1h;  // stopped and continued
  supervisor.tick(now_);
  EXPECT_EQ(supervisor.state(), State::kReady);
  pass(8s);
  EXPECT_EQ(supervisor.state(), State::kLost);
  take_its_end();
}

TEST_F(SupervisorTest, OfTicksThatComeTooLateOnlyASecondEachIsCounted) {
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  for (int i = 0; i < 9; ++i) supervisor.tick(now_ += 5s);
  EXPECT_EQ(supervisor.state(), State::kReady);
  for (int i = 0; i < 3; ++i) supervisor.tick(now_ += 5s);
  EXPECT_EQ(supervisor.state(), State::kLost);
  take_its_end();
}

TEST_F(SupervisorTest, TheEndHasTheLastLineThatTheChildWrote) {
  supervise(saying("", "echo \"cannot open '/usr/lib/engine.so'\" >&2; exit 3")).tick(now_);
  take_its_end();
  EXPECT_EQ(ends_.back().sentence,
            "exited with code 3 (its last line: \"cannot open 'engine.so'\")");
}

TEST_F(SupervisorTest, AMalformedMessageEndsTheChild) {
  for (const std::string& said : {
           std::string("HTTP/1.1 200 OK\r\n\r\n"),
           std::string("Content-Length: 8\r\n\r\nnot json"),
           std::string("Content-Length: 99999999999\r\n\r\n"),
           on_the_wire(protocol::result_frame(77, protocol::Empty{})),
           on_the_wire(protocol::request_frame(1, protocol::PingRequest{})),
           on_the_wire(
               protocol::notification_frame("progress", "{\"progress\":{\"step\":\"many\"}}", {})),
           on_the_wire(protocol::notification_frame(
               protocol::PreviewNotification{"job", protocol::PictureRef{3, 8, 8, 3}})),
           // Text that is not UTF-8: a byte that begins nothing, half a sequence, half a surrogate.
           on_the_wire(protocol::notification_frame("text", "{\"text\":\"\xff\"}", {})),
           on_the_wire(protocol::notification_frame("text", "{\"text\":\"\xc3\"}", {})),
           on_the_wire(protocol::notification_frame("text", "{\"text\":\"\\ud83d\"}", {})),
       }) {
    supervise(saying(hello() + said)).tick(now_);
    take_its_end();
    EXPECT_THAT(ends_.back().sentence, testing::HasSubstr("malformed message")) << said;
    EXPECT_TRUE(ends_.back().own_fault);
  }
}

TEST_F(SupervisorTest, AReplyThatTheCallerCannotReadEndsTheChild) {
  auto& supervisor =
      supervise(saying(hello() + on_the_wire(protocol::result_frame(3, protocol::Empty{}))));
  now_ += 1h;
  supervisor.tick(now_);
  // The hello is the first request; these may be sent before it is ready.
  supervisor.request(protocol::UnloadRequest{}, {}, ignore());
  const auto id = supervisor.request(protocol::MemoryRequest{}, {},
                                     [](const protocol::Message&) -> Supervisor::Deed {
                                       throw Error(ErrorCode::kCorruptData, "expected numbers");
                                     });
  EXPECT_EQ(id, 3);
  take_its_end();
  EXPECT_THAT(ends_.back().sentence, testing::HasSubstr("expected numbers"));
}

TEST_F(SupervisorTest, TextIsReadInOrderAndTextThatTheCallerRefusesEndsTheChild) {
  std::string text;
  read_text_ = [&](const protocol::TextNotification& piece) -> Supervisor::Deed {
    if (piece.offset != std::ssize(text)) throw Error(ErrorCode::kCorruptData, "expected another");
    return [&text, piece] { text += piece.text; };
  };
  const auto piece = [](std::int64_t offset, const std::string& words) {
    return on_the_wire(
        protocol::notification_frame(protocol::TextNotification{"job", offset, words}));
  };
  supervise(saying(hello() + piece(0, "ein ") + piece(4, "Wört") + piece(9, "chen"))).tick(now_);
  take_until([&] { return text == "ein Wörtchen"; });
  EXPECT_TRUE(ends_.empty());
  text.clear();
  now_ += 1h;
  supervise(saying(hello() + piece(0, "ein ") + piece(5, "Wort"))).tick(now_);
  take_its_end();
  EXPECT_EQ(text, "ein ");
  EXPECT_THAT(ends_.back().sentence, testing::HasSubstr("malformed message: expected another"));
  EXPECT_TRUE(ends_.back().own_fault);
}

TEST_F(SupervisorTest, TheEndNamesTheRequestThatWasUnderWay) {
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  const auto first = supervisor.request(protocol::MemoryRequest{}, {}, ignore());
  supervisor.request(protocol::MemoryRequest{}, {}, ignore());
  supervisor.kill("the test ended it", Supervisor::Blame::kNobody);
  EXPECT_NE(supervisor.state(), State::kReady);
  take_its_end();
  EXPECT_EQ(ends_.back().under_way, first);
  EXPECT_FALSE(ends_.back().own_fault);
  EXPECT_EQ(ends_.back().sentence, "was ended because the test ended it");
}

TEST_F(SupervisorTest, SendingNeverBlocks) {
  // Far more than a socket takes at once. Made beforehand: under a sanitizer that takes seconds.
  std::vector<protocol::Bytes> first, second;
  for (auto* parts : {&first, &second}) parts->emplace_back(16 << 20);
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  const auto begin = Supervisor::Clock::now();
  supervisor.request(protocol::MemoryRequest{}, std::move(first), ignore());
  supervisor.notify(protocol::CancelNotification{"job"});
  EXPECT_LT(Supervisor::Clock::now() - begin, 10s);
  supervisor.kill("the test ended it", Supervisor::Blame::kNobody);
  take_its_end();
  auto& next = supervise(saying(hello()));
  get_ready();
  next.request(protocol::MemoryRequest{}, std::move(second), ignore());
  supervisor_.reset();  // in the middle of it
  EXPECT_LT(Supervisor::Clock::now() - begin, 60s);
}

TEST_F(SupervisorTest, AMessageOverTheLimitsIsRefusedAndTheChildStays) {
  auto& supervisor = supervise(saying(hello()));
  get_ready();
  std::optional<ErrorCode> code;
  supervisor.request(protocol::MemoryRequest{}, std::vector<protocol::Bytes>(65),
                     [&](const protocol::Message& message) {
                       return [&code, refused = message.failure_code] { code = refused; };
                     });
  take_until([&] { return code.has_value(); });
  EXPECT_EQ(code, ErrorCode::kTooLarge);
  EXPECT_EQ(supervisor.state(), State::kReady);
}

TEST_F(SupervisorTest, SendingToAChildThatEndsDoesNotFail) {
  auto& supervisor = supervise(launcher_of("/bin/false", {}));
  for (int i = 0; i < 20; ++i) {
    now_ += 1h;
    EXPECT_NO_THROW(supervisor.tick(now_));
    for (int sent = 0; sent < 100; ++sent) {
      EXPECT_NO_THROW(supervisor.request(protocol::MemoryRequest{}, {}, ignore()));
    }
    take_its_end();
  }
}

TEST_F(SupervisorTest, AMissingProgramIsAnErrorEachTime) {
  auto& supervisor = supervise(launcher_of("/nowhere/atelier-worker", {}));
  EXPECT_THROW(supervisor.tick(now_), Error);
  EXPECT_EQ(supervisor.state(), State::kLost);
  EXPECT_NE(supervisor.problem(), "");
  EXPECT_NO_THROW(supervisor.tick(now_ + 1ms));
  EXPECT_THROW(supervisor.tick(now_ + 1h), Error);
}

}  // namespace
}  // namespace atelier::scheduler
