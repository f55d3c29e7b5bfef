// Time is an argument of tick(), so that hours pass here in moments; the children are real.
#include "scheduler/supervisor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "domain/settings/limits.h"
#include "platform/error.h"

namespace atelier::scheduler {
namespace {

using namespace std::chrono_literals;
using State = Supervisor::State;

LaunchChild launcher(const char* program, std::vector<std::string> arguments) {
  platform::ProcessOptions options;
  options.program = program;
  options.arguments = std::move(arguments);
  return [options] { return platform::ChildProcess::spawn(options); };
}

class SupervisorTest : public testing::Test {
 protected:
  Supervisor& supervise(LaunchChild launch) {
    supervisor_ = std::make_unique<Supervisor>(
        std::move(launch), inbox_,
        SupervisorEvents{.ready = [](const protocol::HelloReply&) {},
                         .lost = [this](const std::string& end) { ends_.push_back(end); },
                         .notified = [](const protocol::Message&) {}});
    return *supervisor_;
  }

  // Takes letters until the child's end is among them.
  void take_its_end() {
    const auto before = ends_.size();
    while (ends_.size() == before) {
      const auto letter = inbox_.take(60s);
      ASSERT_TRUE(letter) << "the child does not end";
      (*letter)();
    }
  }

  Inbox inbox_;
  std::vector<std::string> ends_;
  Supervisor::Clock::time_point now_ = Supervisor::Clock::now();
  std::unique_ptr<Supervisor> supervisor_;  // last: it uses the inbox
};

TEST_F(SupervisorTest, AChildThatDiesIsStartedAgainAfterGrowingDelays) {
  auto& supervisor = supervise(launcher("/bin/false", {}));
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
  EXPECT_EQ(ends_.front(), "exited with code 1");
}

TEST_F(SupervisorTest, WorkThatWasDoneMakesTheNextRestartSoon) {
  auto& supervisor = supervise(launcher("/bin/false", {}));
  for (int i = 0; i < 8; ++i) {
    supervisor.tick(now_);
    take_its_end();
    now_ += 1h;
  }
  supervisor.praise();
  supervisor.tick(now_);
  take_its_end();
  supervisor.tick(now_ + domain::limits::kRestartDelayMin);
  EXPECT_NE(supervisor.pid(), 0);
}

TEST_F(SupervisorTest, AChildThatNeverGreetsIsGivenUp) {
  auto& supervisor = supervise(launcher("/bin/sleep", {"1000"}));
  supervisor.tick(now_);
  const int first = supervisor.pid();
  supervisor.tick(now_ + 119s);
  EXPECT_EQ(supervisor.pid(), first);
  EXPECT_EQ(supervisor.state(), State::kStarting);
  supervisor.tick(now_ + 120s);
  take_its_end();
  EXPECT_EQ(ends_.back(), "was killed by signal 9 (Killed)");
  supervisor.tick(now_ + 121s);
  EXPECT_NE(supervisor.pid(), 0);
  EXPECT_NE(supervisor.pid(), first);
}

TEST_F(SupervisorTest, AProgramThatIsNotThereIsAnErrorEachTime) {
  auto& supervisor = supervise(launcher("/nowhere/atelier-worker", {}));
  EXPECT_THROW(supervisor.tick(now_), Error);
  EXPECT_EQ(supervisor.state(), State::kLost);
  EXPECT_NE(supervisor.problem(), "");
  EXPECT_NO_THROW(supervisor.tick(now_ + 1ms));
  EXPECT_THROW(supervisor.tick(now_ + 1h), Error);
}

}  // namespace
}  // namespace atelier::scheduler
