// What LocalScheduler does to jobs that wait: pause, cancel many, reorder.
#include <algorithm>
#include <string>
#include <utility>

#include "domain/settings/limits.h"
#include "platform/error.h"
#include "scheduler/local_scheduler.h"

namespace atelier::scheduler {

using domain::Job;
using domain::JobState;
namespace limits = domain::limits;

void check_priority(int priority) {
  if (priority >= 0 && priority < domain::kPriorities) return;
  throw Error(ErrorCode::kInvalidArgument, "priority", "choose 0 (background) to 3 (immediate)");
}

QueueStatus LocalScheduler::queue() {
  const auto counts = store_.counts();
  const auto paused = store_.paused();
  QueueStatus status{.priorities = {}, .running = counts.running};
  for (int priority = domain::kPriorities - 1; priority >= 0; --priority) {
    const auto at = static_cast<std::size_t>(priority);
    status.priorities.push_back({priority, counts.queued[at], options_.queue_max[at], paused[at]});
  }
  return status;
}

domain::QueuePage LocalScheduler::queue_page(const std::optional<domain::QueuePlace>& after,
                                             int limit) {
  return store_.queue_page(after, std::clamp(limit, 1, limits::kRecentJobsMax));
}

void LocalScheduler::set_paused(int priority, bool paused) {
  check_priority(priority);
  store_.set_paused(priority, paused);
  note_paused();
  inbox_.post([this] { runner_.run_next(); });
}

// For status(): a station that starts nothing must show why.
void LocalScheduler::note_paused() {
  const auto paused = store_.paused();
  std::string names;
  for (int priority = domain::kPriorities - 1; priority >= 0; --priority) {
    if (!paused[static_cast<std::size_t>(priority)]) continue;
    names += (names.empty() ? "" : ", ") + std::to_string(priority);
  }
  const std::lock_guard lock(mutex_);
  paused_notice_ = names.empty() ? ""
                                 : "jobs of priority " + names +
                                       " are paused and wait: resume them with "
                                       "POST /api/v1/queue/resume";
}

int LocalScheduler::cancel_queued(const domain::QueueFilter& filter) {
  if (filter.priority) check_priority(*filter.priority);
  const auto finished_ms = options_.now_ms();
  auto cancelled =
      store_.cancel_queued(filter, finished_ms, [this] { return board_.take_event_id(); });
  ++cancellations_;
  const auto count = static_cast<int>(cancelled.size());
  for (const auto& job : cancelled) {
    for (const auto& artifact : job.step_artifacts) artifacts_.remove_step(artifact);
  }
  // A job that the board does not hold has no listener.
  inbox_.post([this, finished_ms, cancelled = std::move(cancelled)] {
    for (const auto& each : cancelled) {
      auto job = board_.find(each.id);
      if (!job || domain::is_terminal(job->state)) continue;
      job->state = JobState::kCancelled;
      job->finished_ms = std::max(finished_ms, job->created_ms);
      job->last_event = each.last_event;
      job->finished_steps.clear();
      board_.publish("state", *job, job->finished_ms);
    }
  });
  return count;
}

Job LocalScheduler::set_priority(const std::string& id, int priority) {
  check_priority(priority);
  auto known = job(id);  // throws for an unknown one
  if (known.state == JobState::kQueued && known.priority == priority) return known;
  if (known.state != JobState::kQueued) return changed_in_queue(id, false);
  const Place place(*this, priority);  // given back once the job is counted there
  return changed_in_queue(id, store_.set_priority(id, priority));
}

Job LocalScheduler::move_to_front(const std::string& id) {
  return changed_in_queue(id, store_.move_to_front(id));
}

Job LocalScheduler::changed_in_queue(const std::string& id, bool was_queued) {
  auto changed = job(id);  // throws for an unknown one
  if (!was_queued) {
    throw Error(ErrorCode::kConflict, "job " + id + " is " +
                                          std::string(domain::job_state_name(changed.state)) +
                                          ": only a job that waits can be moved in the queue");
  }
  if (const auto stored = store_.find(id)) changed.priority = stored->priority;
  inbox_.post([this, id, priority = changed.priority] {
    auto live = board_.find(id);
    if (live && live->state == JobState::kQueued && live->priority != priority) {
      live->priority = priority;
      board_.publish("state", *live, options_.now_ms());
    }
    runner_.run_next();
  });
  return changed;
}

}  // namespace atelier::scheduler
