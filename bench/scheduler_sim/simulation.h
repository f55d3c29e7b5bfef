// Replays a trace in simulated time, with plan_next or with a simple policy in its place.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/scheduler_sim/trace.h"
#include "scheduler/plan.h"

namespace atelier::scheduler_sim {

enum class Policy {
  kPlan,
  kFifo,    // by arrival, on the first free worker that fits, one with the model before others
  kStrict,  // the same by priority and then by arrival; nothing yields
};
std::string_view policy_name(Policy policy);

struct Result {
  // Milliseconds until its work begins, loads of its model included, all waits of a job together,
  // sorted; by priority.
  std::array<std::vector<std::int64_t>, scheduler::kPriorities> waits_ms;
  std::int64_t loads = 0;  // of models
  std::int64_t evictions = 0, yields = 0;
  double utilisation = 0;  // of the main workers until the last end, loads included
  double useful = 0;       // the same without loads
  // The longest time without a start of priority 0 on main workers while a raised job of it waited.
  std::int64_t background_stall_ms = 0;
  std::int64_t longest_pause_ms = 0;  // of a job of priority 0 that has yielded
  std::int64_t longest_run_ms = 0;    // on a main worker, with its load and evictions
  std::int64_t unfinished = 0;        // jobs that never ended: 0, else the policy has lost them
  std::vector<std::int64_t> plan_ns;  // of each call, sorted
};

// The value below which `share` (0..1) of the sorted values are; 0 for none.
std::int64_t percentile(const std::vector<std::int64_t>& sorted, double share);

Result simulate(const Trace& trace, Policy policy, const scheduler::PlanSettings& settings = {});

}  // namespace atelier::scheduler_sim
