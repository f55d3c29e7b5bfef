// Running jobs that yield their place to more urgent ones and go on later. A worker on the fake
// engine with one place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/doubles/scheduler_fixture.h"

namespace atelier::scheduler {
namespace {

using testing::HasSubstr;

class YieldTest : public LocalSchedulerTest {
 protected:
  YieldTest() { options_.workers[0].launch = worker("step_ms=20"); }

  NewJob job_of(int priority, int steps) {
    auto job = new_job(steps);
    job.priority = priority;
    return job;
  }
  // The compressed pixels of the job's picture: its texts name the job.
  std::string pixels_of(const Job& job) {
    const auto bytes = scheduler_->artifact(job.result.value().artifacts().at(0)).bytes;
    const std::string file(bytes.begin(), bytes.end());
    const auto start = file.find("IDAT");
    EXPECT_NE(start, std::string::npos);
    return file.substr(start, file.rfind("IEND") - start);
  }
  static bool is_suspended(const Job& job) {
    return job.reason.find("suspended after") != std::string::npos;
  }
};

TEST_F(YieldTest, ABackgroundJobYieldsToAnUrgentOneAndEndsWithTheSamePicture) {
  start();
  const auto expected = pixels_of(run(job_of(0, 60)));
  const auto background = scheduler_->submit(job_of(0, 60)).id;
  Hearing hearing(*scheduler_, background);
  hearing.wait([](const Job& job) { return job.progress.step > 1; });
  const auto urgent = run(job_of(3, 2));
  EXPECT_EQ(urgent.state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->job(background).state, JobState::kRunning);  // it has not ended before
  hearing.wait(is_suspended);
  const auto end = hearing.wait_for_end();
  EXPECT_EQ(end.state, JobState::kSucceeded);
  EXPECT_EQ(end.attempt, 1);
  EXPECT_EQ(end.reason, "");
  EXPECT_EQ(pixels_of(end), expected);
}

TEST_F(YieldTest, AnInteractiveJobDoesNotYield) {
  start();
  const auto running = scheduler_->submit(job_of(2, 30)).id;
  Hearing hearing(*scheduler_, running);
  hearing.wait(is_denoising);
  EXPECT_EQ(run(job_of(3, 1)).state, JobState::kSucceeded);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  for (const auto& event : hearing.events()) EXPECT_FALSE(is_suspended(event.job));
}

TEST_F(YieldTest, ASuspendedJobCanBeCancelled) {
  start();
  const auto background = scheduler_->submit(job_of(0, 200)).id;
  Hearing hearing(*scheduler_, background);
  hearing.wait(is_denoising);
  const auto urgent = scheduler_->submit(job_of(3, 100)).id;
  hearing.wait(is_suspended);
  scheduler_->cancel(background);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_EQ(Hearing(*scheduler_, urgent).wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(run(job_of(0, 1)).state, JobState::kSucceeded);
}

TEST_F(YieldTest, ASuspendedJobRunsAgainWhenItsWorkerEnds) {
  start();
  const auto background = scheduler_->submit(job_of(0, 60)).id;
  Hearing hearing(*scheduler_, background);
  hearing.wait(is_denoising);
  const auto urgent = scheduler_->submit(job_of(3, 100)).id;
  hearing.wait(is_suspended);
  ASSERT_EQ(::kill(worker_pid(), SIGKILL), 0);
  EXPECT_EQ(Hearing(*scheduler_, urgent).wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
}

}  // namespace
}  // namespace atelier::scheduler
