#include "platform/process_activity.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "platform/process.h"

namespace atelier::platform {
namespace {

// The activity once its state is one of `states`, or the last one after a minute.
ProcessActivity activity_in(int pid, const std::string& states) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  ProcessActivity activity;
  do {
    activity = process_activity(pid);
    if (states.find(activity.state) != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  } while (std::chrono::steady_clock::now() < until);
  return activity;
}

TEST(ProcessActivity, AStoppedProcessIsRecognised) {
  auto child = ChildProcess::spawn({"/bin/sleep", {"60"}, {}, 0});
  EXPECT_EQ(activity_in(child.pid(), "S").state, 'S');
  EXPECT_FALSE(process_activity(child.pid()).stopped());
  child.send_signal(SIGSTOP);
  EXPECT_TRUE(activity_in(child.pid(), "T").stopped());
  child.send_signal(SIGCONT);
  EXPECT_EQ(activity_in(child.pid(), "S").state, 'S');
}

TEST(ProcessActivity, AProcessThatDoesNotExistHasNone) {
  EXPECT_EQ(process_activity(-5).state, '?');
  EXPECT_EQ(process_activity(-5).page_faults, 0U);
}

TEST(ProcessActivity, AnUnusualNameDoesNotShiftTheFields) {
  const auto program = std::filesystem::path(testing::TempDir()) / "a) S 9 (b";
  std::filesystem::remove(program);
  std::filesystem::copy_file("/bin/sleep", program);
  const auto child = ChildProcess::spawn({program, {"60"}, {}, 0});
  EXPECT_EQ(activity_in(child.pid(), "S").state, 'S');
  EXPECT_LT(process_activity(child.pid()).page_faults, 100'000U);
  std::filesystem::remove(program);
}

TEST(MemoryKills, AreReadFromCountersByName) {
  const std::string events = "low 0\nhigh 2\nmax 31\noom 4\noom_kill 3\noom_group_kill 0\n";
  EXPECT_EQ(counter_in(events, "oom_kill"), 3);
  EXPECT_EQ(counter_in(events, "oom"), 4);
  EXPECT_EQ(counter_in(events, "kill"), -1);
  EXPECT_EQ(counter_in("", "oom_kill"), -1);
  EXPECT_GE(memory_kills(), 0);
}

}  // namespace
}  // namespace atelier::platform
