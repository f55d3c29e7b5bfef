// An engine without a network, for tests of everything around it: coloured noise that depends on
// prompt and seed, real timing, progress, previews and cancellation, and switches that make it
// fail. Switches: comma-separated "name" or "name=value":
//   step_ms=20        duration of a step
//   load_ms=0         duration of loading the model, the first time
//   crash_at_step=3   the process aborts there, each time
//   crash_once=FILE   as crash_at_step=2, unless FILE exists; makes FILE
//   oom_at_step=3     kOutOfMemory there
//   hang_at_step=3    stops answering there, also to cancel
//   memory_mb=0       allocates and touches so much while a job runs
#pragma once

#include <memory>
#include <string>

#include "engine/interface.h"

namespace atelier::worker {

std::unique_ptr<engine::Engine> make_fake_engine(const std::string& switches);

}  // namespace atelier::worker
