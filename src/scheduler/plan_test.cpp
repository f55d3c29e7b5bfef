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
      {"nothing waits", {}, {{"main", true}}, {}},
      {"nobody is idle", {{"01", 2}}, {{"main", false}}, {}},
      {"no worker at all", {{"01", 2}}, {}, {}},
      {"first come first served", {{"02", 2}, {"01", 2}}, {{"main", true}}, {{"02", "main"}}},
      {"priority beats age", {{"01", 0}, {"02", 2}, {"03", 3}}, {{"main", true}}, {{"03", "main"}}},
      {"each idle worker gets one",
       {{"01", 2}, {"02", 2}, {"03", 0}},
       {{"a", true}, {"b", false}, {"c", true}},
       {{"01", "a"}, {"02", "c"}}},
      {"more workers than jobs", {{"01", 1}}, {{"a", true}, {"b", true}}, {{"01", "a"}}},
  };
  for (const auto& entry : cases) {
    EXPECT_EQ(plan_next(entry.queue, entry.workers), entry.expected) << entry.name;
  }
}

}  // namespace
}  // namespace atelier::scheduler
