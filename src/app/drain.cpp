#include "app/drain.h"

#include <algorithm>

#include "app/interruption.h"
#include "platform/error.h"
#include "platform/log.h"

namespace atelier::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAgain{50};

std::vector<domain::Job> running_jobs(scheduler::LocalScheduler& scheduler) {
  try {
    return scheduler.recent_jobs(
        {.limit = domain::limits::kRecentJobsMax, .states = {domain::JobState::kRunning}});
  } catch (const Error& error) {
    platform::log_error(std::string("the stop does not wait for running jobs: ") + error.what());
    return {};
  }
}

}  // namespace

bool one_may_end_within(const std::vector<domain::Job>& running, std::chrono::milliseconds left) {
  return std::ranges::any_of(running, [left](const domain::Job& job) {
    const std::chrono::duration<double> expected(job.progress.eta_seconds);  // 0: unknown
    return job.progress.stage != "queued" && expected <= left;
  });
}

void drain(scheduler::LocalScheduler& scheduler, std::chrono::milliseconds limit) {
  scheduler.start_no_more_jobs();
  const auto until = Clock::now() + limit;
  for (auto now = Clock::now(); now < until; now = Clock::now()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    if (!one_may_end_within(running_jobs(scheduler), left)) return;
    if (wait_for_next_interruption(kLookAgain)) {
      return platform::log_info("a second signal: running jobs go back to the queue now");
    }
  }
}

}  // namespace atelier::app
