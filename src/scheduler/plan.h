// Which job runs next, and where: a pure function over a window of the queue and the workers.
// Called by the scheduler thread whenever either changes. Never fails; a job that no worker can run
// stays in the queue.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace atelier::scheduler {

struct WaitingJob {
  std::string id;
  int priority = 0;
};

struct WorkerSlot {
  std::string name;
  int free = 0;  // jobs that it can take now; 0 where it is not ready
};

struct Assignment {
  std::string job, worker;
  bool operator==(const Assignment&) const = default;
};

// Higher priority first, then in the order of `queue`, which is oldest first; each worker gets
// as many as it has free places.
std::vector<Assignment> plan_next(std::span<const WaitingJob> queue,
                                  std::span<const WorkerSlot> workers);

}  // namespace atelier::scheduler
