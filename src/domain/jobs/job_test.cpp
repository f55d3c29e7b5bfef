#include "domain/jobs/job.h"

#include <gtest/gtest.h>

namespace atelier::domain {
namespace {

TEST(JobState, NamesSurviveARoundTrip) {
  for (int value = 0; value <= static_cast<int>(JobState::kCancelled); ++value) {
    const auto state = static_cast<JobState>(value);
    EXPECT_EQ(job_state_from_name(job_state_name(state)), state);
  }
  EXPECT_FALSE(job_state_from_name("paused_forever").has_value());
}

TEST(JobState, ATerminalStateIsNeverLeft) {
  for (const JobState from : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled}) {
    for (int to = 0; to <= static_cast<int>(JobState::kCancelled); ++to) {
      EXPECT_FALSE(may_become(from, static_cast<JobState>(to)));
    }
    EXPECT_TRUE(is_terminal(from));
  }
}

TEST(JobState, ARunningJobMayReturnToTheQueueOrEnd) {
  EXPECT_TRUE(may_become(JobState::kRunning, JobState::kQueued));
  EXPECT_TRUE(may_become(JobState::kRunning, JobState::kSucceeded));
  EXPECT_TRUE(may_become(JobState::kRunning, JobState::kCancelled));
  EXPECT_FALSE(may_become(JobState::kQueued, JobState::kSucceeded));
  EXPECT_FALSE(is_terminal(JobState::kRunning));
}

}  // namespace
}  // namespace atelier::domain
