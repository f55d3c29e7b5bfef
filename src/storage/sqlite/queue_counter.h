// How many jobs are queued and running, and how many places are held for jobs that come: counted
// once when the database is opened, then changed with each commit. Thread-safe; never fails.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include "domain/jobs/waiting_job.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

// What one write changes. A priority that no job may have is not counted.
struct QueueChange {
  std::optional<domain::QueueCounts> counted = {};  // the present numbers, instead of changes
  domain::QueueCounts added = {};
  std::array<int, domain::kPriorities> places_used = {};

  void add_queued(std::int64_t priority, int jobs);
};

// The numbers of queued and running jobs of the table; those that are set aside are left out.
domain::QueueCounts counted_jobs(Database& database);

class QueueCounter {
 public:
  void apply(const QueueChange& change);
  domain::QueueCounts counts() const;
  bool hold_place(int priority, int queued_max);
  void leave_place(int priority);

 private:
  mutable std::mutex mutex_;
  domain::QueueCounts counts_;                     // guarded by mutex_
  std::array<int, domain::kPriorities> places_{};  // guarded by mutex_; held
};

}  // namespace atelier::storage
