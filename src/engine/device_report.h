// The engine's device and its problems, for `doctor` and the worker's start.
// Job thread; the matrix probe takes a tenth of a second. Does not fail.
#pragma once

#include "engine/interface.h"

namespace atelier::engine {

// Logical processors that this process may use.
int usable_processors();
EngineReport report_cpu(int threads);
MemoryReport report_memory();

}  // namespace atelier::engine
