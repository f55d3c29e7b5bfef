#include "scheduler/plan.h"

#include <gtest/gtest.h>

namespace atelier::scheduler {
namespace {

struct PlanCase {
  const char* name;
  std::vector<WaitingJob> queue;
  std::vector<WorkerSlot> workers;
  std::vector<Assignment> expected;
};

TEST(PlanNext, FollowsTheTable) {
  const std::vector<PlanCase> cases{
      {"nothing waits", {}, {{"main", 1}}, {}},
      {"no worker is free", {{"01", 2}}, {{"main", 0}}, {}},
      {"no worker at all", {{"01", 2}}, {}, {}},
      {"first come first served", {{"02", 2}, {"01", 2}}, {{"main", 1}}, {{"02", "main"}}},
      {"priority before age", {{"01", 0}, {"02", 2}, {"03", 3}}, {{"main", 1}}, {{"03", "main"}}},
      {"each free worker gets one",
       {{"01", 2}, {"02", 2}, {"03", 0}},
       {{"a", 1}, {"b", 0}, {"c", 1}},
       {{"01", "a"}, {"02", "c"}}},
      {"a worker with two places gets two",
       {{"01", 2}, {"02", 2}, {"03", 0}},
       {{"a", 2}},
       {{"01", "a"}, {"02", "a"}}},
      {"more workers than jobs", {{"01", 1}}, {{"a", 1}, {"b", 1}}, {{"01", "a"}}},
  };
  for (const auto& entry : cases) {
    EXPECT_EQ(plan_next(entry.queue, entry.workers), entry.expected) << entry.name;
  }
}

}  // namespace
}  // namespace atelier::scheduler
