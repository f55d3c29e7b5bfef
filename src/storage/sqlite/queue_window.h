// The part of the queue that is planned: of each priority the oldest jobs, and the oldest jobs of
// several clients, found by searches in the indexes of the queue alone. It takes less than 2 ms
// behind 100,000 jobs of one client. Thread-safe.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/jobs/job_store.h"
#include "domain/jobs/waiting_job.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

class QueueWindow {
 public:
  std::vector<domain::WaitingJob> read(Database& database, const domain::WindowSize& size);

  // For tests: what read() and read_queue_page() execute.
  static std::vector<std::string_view> statements();

 private:
  std::vector<std::string> clients_in_turn(Database& database, int priority, int clients_max);

  std::mutex mutex_;
  std::array<std::string, domain::kPriorities> last_clients_;  // guarded by mutex_
};

// JobStore::queue_page(). The position costs a walk along the index, milliseconds behind 100,000
// jobs.
domain::QueuePage read_queue_page(Database& database,
                                  const std::optional<domain::QueuePlace>& after, int limit);

}  // namespace atelier::storage
