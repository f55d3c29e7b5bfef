// The time that running jobs get to end when the station is asked to stop. Called by the thread
// that watches for signals.
#pragma once

#include <chrono>
#include <vector>

#include "domain/jobs/job.h"
#include "scheduler/local_scheduler.h"

namespace atelier::app {

// Whether one of the running jobs may end within `left`, as far as is known. One that waits for its
// next step does not: no step is started now.
bool one_may_end_within(const std::vector<domain::Job>& running, std::chrono::milliseconds left);

// Starts no further job and waits until the running ones have ended, but at most `limit`, not where
// none is expected to end in time, and not after a further signal.
void drain(scheduler::LocalScheduler& scheduler, std::chrono::milliseconds limit);

}  // namespace atelier::app
