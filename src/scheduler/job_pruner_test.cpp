#include "scheduler/job_pruner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/doubles/memory_job_store.h"

namespace atelier::scheduler {
namespace {

using domain::JobState;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kDay = 86'400'000, kNow = 100 * kDay;

class JobPrunerTest : public testing::Test {
 protected:
  void add(const std::string& id, JobState state, std::int64_t ended_ms) {
    domain::Job job;
    job.id = id;
    store_.insert(job);
    if (state == JobState::kRunning) store_.claim(id, "node", 1);
    if (!domain::is_terminal(state)) return;
    job.state = state;
    job.finished_ms = ended_ms;
    store_.finish(job, JobState::kQueued);
  }
  int prune(const HistoryLimits& limits) {
    return prune_history(store_, limits, kNow, [] { return false; });
  }
  std::vector<std::string> left() {
    std::vector<std::string> ids;
    for (const auto& job : store_.recent({.limit = 1000})) ids.push_back(job.id);
    return ids;
  }

  MemoryJobStore store_;
};

TEST_F(JobPrunerTest, DeletesJobsThatEndedLongAgoAndNoneThatHasNotEnded) {
  add("waits", JobState::kQueued, 0);
  add("runs", JobState::kRunning, 0);
  add("old", JobState::kSucceeded, kNow - 8 * kDay);
  add("failed", JobState::kFailed, kNow - 9 * kDay);
  add("new", JobState::kSucceeded, kNow - 6 * kDay);
  EXPECT_EQ(prune({.days = 7}), 2);
  EXPECT_THAT(left(), ElementsAre("new", "runs", "waits"));
  EXPECT_EQ(prune({.days = 7}), 0);
}

TEST_F(JobPrunerTest, KeepsTheNewestAndThoseThatEndedWithinADay) {
  for (const char* id : {"1", "2", "3"}) add(id, JobState::kSucceeded, kNow - 2 * kDay);
  add("4", JobState::kCancelled, kNow - kDay / 2);
  EXPECT_EQ(prune({.jobs_max = 2}), 2);
  EXPECT_THAT(left(), ElementsAre("4", "3"));
  EXPECT_EQ(prune({.days = 1, .jobs_max = 1}), 1);
  EXPECT_THAT(left(), ElementsAre("4"));
}

TEST_F(JobPrunerTest, WithoutLimitsNothingIsDeleted) {
  add("old", JobState::kSucceeded, 1);
  EXPECT_EQ(prune({}), 0);
  EXPECT_THAT(left(), ElementsAre("old"));
}

TEST_F(JobPrunerTest, DeletesMoreThanOneBatch) {
  const int jobs = 2 * domain::limits::kPruneBatch + 1;
  for (int i = 0; i < jobs; ++i) add(std::to_string(i), JobState::kSucceeded, 1);
  EXPECT_EQ(prune({.days = 1}), jobs);
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(JobPrunerTest, TriesAgainAfterAFullDisk) {
  add("old", JobState::kSucceeded, 1);
  store_.disk_full = true;
  std::atomic<int> calls = 0;
  const auto wait_for = [](const auto& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  const JobPruner pruner(
      store_, {.days = 1},
      [&calls] {
        ++calls;
        return kNow;
      },
      std::chrono::milliseconds(1));
  wait_for([&] { return calls > 1; });
  EXPECT_GT(calls, 1);
  EXPECT_THAT(left(), ElementsAre("old"));
  store_.disk_full = false;
  wait_for([&] { return left().empty(); });
  EXPECT_THAT(left(), IsEmpty());
}

}  // namespace
}  // namespace atelier::scheduler
