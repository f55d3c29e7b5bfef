// The order in which the jobs of a window are considered (plan.h, "The order").
#pragma once

#include <array>
#include <vector>

#include "scheduler/plan_state.h"

namespace atelier::scheduler {

struct PlanOrder {
  std::array<std::vector<int>, kPriorities> tiers;  // indices of jobs, by priority
  std::vector<int> paused;
};

// Sets `later_ahead` of the jobs as well.
PlanOrder order_jobs(PlanState& state);

}  // namespace atelier::scheduler
