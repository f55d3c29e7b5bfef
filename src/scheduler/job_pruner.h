// Deletes old ended jobs from the store, at its construction and then at intervals, on a thread of
// its own: other writes go on in between. Artifacts stay; uploads that no job names any more are
// removed at the next start. A disk that is full leaves the jobs until the next time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "domain/jobs/job_store.h"
#include "domain/settings/limits.h"
#include "platform/queue.h"

namespace atelier::scheduler {

// 0: no limit. No job is deleted before limits::kEndedJobAgeMin after its end.
struct HistoryLimits {
  int days = 0;      // since the end of a job
  int jobs_max = 0;  // the newest are kept
};

// Deletes all jobs beyond the limits, until `stop` returns true. Returns how many these were.
int prune_history(domain::JobStore& store, const HistoryLimits& limits, std::int64_t now_ms,
                  const std::function<bool()>& stop);

class JobPruner {
 public:
  JobPruner(domain::JobStore& store, const HistoryLimits& limits,
            std::function<std::int64_t()> now_ms,
            std::chrono::milliseconds every = domain::limits::kPruneEvery);
  ~JobPruner();
  JobPruner(const JobPruner&) = delete;
  JobPruner& operator=(const JobPruner&) = delete;

 private:
  void run();

  domain::JobStore& store_;
  const HistoryLimits limits_;
  const std::function<std::int64_t()> now_ms_;
  const std::chrono::milliseconds every_;
  platform::Queue<int> stop_;  // is closed at the end
  std::thread thread_;
};

}  // namespace atelier::scheduler
