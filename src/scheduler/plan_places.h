// Which worker a job is for, and which running job is to yield to it.
#pragma once

#include <vector>

#include "scheduler/plan_state.h"

namespace atelier::scheduler {

struct Choice {
  enum class Kind {
    kStart,    // now
    kLoading,  // a place is free, and its model is being loaded there
    kEvict,    // a place is free, and memory once models are evicted
    kBlocked,  // a place is free, but not the memory
    kPlace,    // when a place is free
    kLeaving,  // a place is free, but its model is being evicted there
    kFixed,    // it does not fit beside pinned models and ghosts
    kNone,     // no worker that may run it is ready
  };
  Kind kind = Kind::kNone;
  std::size_t worker = 0;
  double start_ms = 0, end_ms = 0;  // from now, as expected
  bool has_model = false;           // its model is resident there, or it has none
  bool could_start = false;         // it could be started at once on another worker
};

// Takes the worker on which the job is expected to end first. `among`: by index, those that count;
// empty: all.
Choice choose(const PlanState& state, const PlanJob& job, const std::vector<char>& among = {});

struct Yielding {
  std::size_t worker = 0, running = 0;
  bool asked_before = false;
};
// The running jobs that are to make room for this one, which waits as `choice` says: those that
// have been asked already, then where it ends first, then by priority, started last; no more than
// it needs. Empty: none may yield, or it would not help.
std::vector<Yielding> choose_yielding(const PlanState& state, const PlanJob& job,
                                      const Choice& choice);

}  // namespace atelier::scheduler
