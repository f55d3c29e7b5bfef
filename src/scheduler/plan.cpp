#include "scheduler/plan.h"

#include <algorithm>
#include <functional>

namespace atelier::scheduler {

std::vector<Assignment> plan_next(std::span<const WaitingJob> queue,
                                  std::span<const WorkerSlot> workers) {
  std::vector<const WaitingJob*> order;
  order.reserve(queue.size());
  for (const auto& job : queue) order.push_back(&job);
  std::ranges::stable_sort(order, std::greater{}, &WaitingJob::priority);
  std::vector<Assignment> plan;
  auto next = order.begin();
  for (const auto& worker : workers) {
    for (int place = 0; place < worker.free && next != order.end(); ++place) {
      plan.push_back({(*next++)->id, worker.name});
    }
  }
  return plan;
}

}  // namespace atelier::scheduler
