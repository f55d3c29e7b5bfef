#include "storage/sqlite/queue_counter.h"

#include "platform/check.h"

namespace atelier::storage {

using domain::kPriorities;

void QueueChange::add_queued(std::int64_t priority, int jobs) {
  if (priority < 0 || priority >= kPriorities) return;
  added.queued[static_cast<std::size_t>(priority)] += jobs;
}

domain::QueueCounts counted_jobs(Database& database) {
  QueueChange found;
  Statement queued(database,
                   "SELECT priority, count(*) FROM jobs INDEXED BY jobs_waiting "
                   "WHERE state = 'queued' AND set_aside = '' GROUP BY priority");
  while (queued.step()) found.add_queued(queued.integer(0), static_cast<int>(queued.integer(1)));
  Statement running(database,
                    "SELECT count(*) FROM jobs WHERE state = 'running' AND set_aside = ''");
  running.step();
  found.added.running = static_cast<int>(running.integer(0));
  return found.added;
}

void QueueCounter::apply(const QueueChange& change) {
  const std::lock_guard lock(mutex_);
  if (change.counted) counts_ = *change.counted;
  counts_.running += change.added.running;
  for (std::size_t priority = 0; priority < kPriorities; ++priority) {
    counts_.queued[priority] += change.added.queued[priority];
    places_[priority] -= change.places_used[priority];
  }
}

domain::QueueCounts QueueCounter::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool QueueCounter::hold_place(int priority, int queued_max) {
  CHECK(priority >= 0 && priority < kPriorities);
  const auto index = static_cast<std::size_t>(priority);
  const std::lock_guard lock(mutex_);
  if (counts_.queued[index] + places_[index] >= queued_max) return false;
  ++places_[index];
  return true;
}

void QueueCounter::leave_place(int priority) {
  CHECK(priority >= 0 && priority < kPriorities);
  const std::lock_guard lock(mutex_);
  --places_[static_cast<std::size_t>(priority)];
}

}  // namespace atelier::storage
