// A small run of the simulator, with the bars that plan_next has to meet.
#include "bench/scheduler_sim/simulation.h"

#include <gtest/gtest.h>

namespace atelier::scheduler_sim {
namespace {

Trace small_trace(int devices, unsigned seed, double load) {
  return make_trace({.jobs = 3000, .devices = devices, .load = load, .seed = seed});
}

TEST(SchedulerSim, PlanNextMeetsItsBars) {
  for (const int devices : {1, 4}) {
    for (unsigned seed = 1; seed <= (devices == 1 ? 2u : 1u); ++seed) {
      SCOPED_TRACE(std::to_string(devices) + " devices, seed " + std::to_string(seed));
      const auto trace = small_trace(devices, seed, 0.85);
      const scheduler::PlanSettings settings;
      const auto plan = simulate(trace, Policy::kPlan, settings);
      const auto fifo = simulate(trace, Policy::kFifo, settings);
      const auto strict = simulate(trace, Policy::kStrict, settings);
      EXPECT_EQ(plan.unfinished + fifo.unfinished + strict.unfinished, 0);
      EXPECT_LE(percentile(plan.waits_ms[3], 0.95), percentile(strict.waits_ms[3], 0.95));
      EXPECT_LE(plan.loads * 10, fifo.loads * 7);
      const auto bound = (settings.aged_share + 2) * plan.longest_run_ms;
      EXPECT_LE(plan.background_stall_ms, bound);
      EXPECT_LE(plan.longest_pause_ms, settings.age_ms[0] + bound);
    }
  }
}

TEST(SchedulerSim, BackgroundJobsDoNotStarveUnderOverload) {
  // Urgent jobs alone would keep the workers busy.
  auto trace = small_trace(2, 3, 1);
  for (std::size_t i = 0; i < trace.jobs.size(); ++i) {
    trace.jobs[i].priority = i % 20 == 0 ? 0 : i % 3 == 0 ? 3 : 2;
    trace.jobs[i].arrival_ms /= 2;
  }
  scheduler::PlanSettings settings;
  settings.age_ms = {120'000, 60'000, 60'000};
  const auto plan = simulate(trace, Policy::kPlan, settings);
  EXPECT_EQ(plan.unfinished, 0);
  EXPECT_LE(plan.background_stall_ms, (settings.aged_share + 2) * plan.longest_run_ms);
  const auto strict = simulate(trace, Policy::kStrict, settings);
  EXPECT_GT(strict.background_stall_ms, (settings.aged_share + 2) * strict.longest_run_ms)
      << "the trace does not overload the workers";
}

TEST(SchedulerSim, ATraceIsAFunctionOfItsOptions) {
  const auto first = simulate(make_trace({.jobs = 500, .devices = 2, .seed = 5}), Policy::kPlan);
  const auto second = simulate(make_trace({.jobs = 500, .devices = 2, .seed = 5}), Policy::kPlan);
  EXPECT_EQ(first.waits_ms, second.waits_ms);
  EXPECT_EQ(first.loads, second.loads);
}

}  // namespace
}  // namespace atelier::scheduler_sim
