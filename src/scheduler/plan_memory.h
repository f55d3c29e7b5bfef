// The account of memory of a plan: what fits, which models make room, what is kept for whom.
#pragma once

#include <vector>

#include "scheduler/plan_state.h"

namespace atelier::scheduler {

struct Victim {
  std::size_t worker = 0, holding = 0;
  bool other_family = false;
};

// What a job needs on a worker beside what is there.
std::int64_t bytes_needed(const PlanState& state, const PlanJob& job, std::size_t worker);
// What is available for it there now, less what is kept for jobs before it; kKeptOut where another
// family is kept out.
inline constexpr std::int64_t kKeptOut = -kNoLimit / 4;
std::int64_t bytes_available(const PlanState& state, const PlanJob& job, std::size_t worker);
// What evicting idle models would add; none in the mode high.
std::int64_t bytes_evictable(const PlanState& state, const PlanJob& job, std::size_t worker);

// The mode low: models of another family on the device that must go first.
struct OtherFamily {
  bool resident = false;  // there are some
  bool in_use = false;    // some of them cannot be evicted now
};
OtherFamily other_family(const PlanState& state, const PlanJob& job, std::size_t worker);

// The idle models to evict for a job, no more than it needs. Where one of them is enough: the least
// recently used of these. Else by the product of size and idle time. Those that no job of the
// window needs go first.
std::vector<Victim> choose_victims(const PlanState& state, const PlanJob& job, std::size_t worker);

// Gives memory of the device to a job: what is available first, then what is being evicted.
void take(PlanDevice& device, std::int64_t bytes);

// Ids of the models on the worker's device in one of two states.
std::vector<std::string> models_in(const PlanState& state, std::size_t worker, Holding::State first,
                                   Holding::State second);

}  // namespace atelier::scheduler
