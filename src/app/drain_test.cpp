#include "app/drain.h"

#include <gtest/gtest.h>

namespace atelier::app {
namespace {

using namespace std::chrono_literals;

domain::Job job(const std::string& stage, double eta_seconds) {
  domain::Job job;
  job.state = domain::JobState::kRunning;
  job.progress.stage = stage;
  job.progress.eta_seconds = eta_seconds;
  return job;
}

TEST(Drain, IsWorthWaitingForAJobThatMayEndInTime) {
  EXPECT_FALSE(one_may_end_within({}, 5s));
  EXPECT_TRUE(one_may_end_within({job("denoise", 4.9)}, 5s));
  EXPECT_FALSE(one_may_end_within({job("denoise", 5.1)}, 5s));
  EXPECT_TRUE(one_may_end_within({job("denoise", 600), job("run", 0)}, 5s)) << "unknown";
  EXPECT_FALSE(one_may_end_within({job("queued", 0)}, 5s)) << "between two steps";
}

}  // namespace
}  // namespace atelier::app
