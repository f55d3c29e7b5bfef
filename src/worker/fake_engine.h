// An engine without torch: it runs the tasks of the real one (fake_generate.h: coloured noise that
// depends on seed and prompt, over the picture and within the mask that it is given) with real
// timing, progress, previews, streams of text and cancellation, and switches that make it fail.
// Server, page and end-to-end tests run on it. Same threads and failures as any engine
// (engine/interface.h).
#pragma once

#include <memory>
#include <string>

#include "engine/interface.h"

namespace atelier::worker {

// Parsed from "name=number,name,…"; a name alone is 1. Steps count from 1; 0 is off.
struct FakeSwitches {
  int step_ms = 20;        // of one denoising step
  int load_ms = 0;         // of loading, once per model
  int hello_ms = 0;        // before the engine is ready
  int late_ms = 0;         // between the last step and the answer
  int crash_at_step = 0;   // the process ends (abort)
  int poison_at_step = 0;  // the device has failed: kWorkerLost
  int hang_at_step = 0;    // hangs and ignores cancellation
  int oom_at_step = 0;     // out of memory, each time
  int oom_once = 0;        // out of memory on the first job only
  int memory_mb = 0;       // taken and touched while a job runs
  int device_mb = 8192;    // memory of the device; what needs more is out of memory
  int model_mb = 1024;     // of it, by each model in memory
  int peak_mb = 0;         // of it, by each run beside its model
  int running_max = 1;     // jobs at the same time
  int words = 0;           // streamed as text by tasks that stream none of their own
  int deadly_files = 0;    // a file with "deadly" in its name: crashes when it is inspected
  std::string crash_once;  // a path: crashes at step 2 unless the file is there, and makes it
  // A path: at the begin and the end of each run a line "begin SEED TIME" or "end SEED TIME" is
  // appended, with the job's seed and the monotonic clock in nanoseconds. For benchmarks.
  std::string times;
};

// Throws kInvalidArgument for a name that is not above.
FakeSwitches read_fake_switches(const std::string& text);

std::unique_ptr<engine::Engine> make_fake_engine(FakeSwitches switches);
card::ModelCard fake_card();

}  // namespace atelier::worker
