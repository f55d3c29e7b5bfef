#include "scheduler/job_pruner.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "platform/log.h"

namespace atelier::scheduler {
namespace {

std::int64_t ms_of(std::chrono::milliseconds time) { return time.count(); }

}  // namespace

int prune_history(domain::JobStore& store, const HistoryLimits& limits, std::int64_t now_ms,
                  const std::function<bool()>& stop) {
  int deleted = 0;
  const auto prune = [&](int keep, std::int64_t before_ms) {
    while (!stop()) {
      const auto batch = static_cast<int>(store.prune(keep, before_ms).size());
      if (batch == 0) return;
      deleted += batch;
    }
  };
  if (limits.days > 0) {
    const std::chrono::hours age = std::max<std::chrono::hours>(std::chrono::days{limits.days},
                                                                domain::limits::kEndedJobAgeMin);
    prune(0, now_ms - ms_of(age));
  }
  if (limits.jobs_max > 0) {
    prune(limits.jobs_max, now_ms - ms_of(domain::limits::kEndedJobAgeMin));
  }
  return deleted;
}

JobPruner::JobPruner(domain::JobStore& store, const HistoryLimits& limits,
                     std::function<std::int64_t()> now_ms, std::chrono::milliseconds every)
    : store_(store), limits_(limits), now_ms_(std::move(now_ms)), every_(every) {
  if (limits_.days > 0 || limits_.jobs_max > 0) thread_ = std::thread([this] { run(); });
}

JobPruner::~JobPruner() {
  stop_.close();
  if (thread_.joinable()) thread_.join();
}

void JobPruner::run() {
  while (!stop_.closed()) {
    try {
      const int deleted =
          prune_history(store_, limits_, now_ms_(), [this] { return stop_.closed(); });
      if (deleted > 0) {
        platform::log_info("deleted " + std::to_string(deleted) + " old ended jobs");
      }
    } catch (const std::exception& error) {
      platform::log_warning(std::string("old ended jobs are not deleted: ") + error.what());
    }
    stop_.take(every_);
  }
}

}  // namespace atelier::scheduler
