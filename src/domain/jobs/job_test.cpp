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

}  // namespace
}  // namespace atelier::domain
