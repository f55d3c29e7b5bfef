// Which workers the station starts: a main worker per GPU that may be used, or one where the
// station computes on the processor, and a light one. Used by Station and `doctor`. Pure but for
// the launchers, which start children when they are called.
#pragma once

#include <string>
#include <vector>

#include "domain/settings/settings.h"
#include "domain/settings/visible_gpus.h"
#include "platform/gpu.h"
#include "scheduler/worker_session.h"

namespace atelier::app {

struct WorkerChoice {
  int niceness = 0;   // added to the workers', so that the station stays responsive
  bool light = true;  // a light one beside the main ones, where the settings have one
};

// True: the main workers compute on GPUs. On the fake engine where engine.nvml is set: for tests.
// `libraries` are the file names of the engine libraries that are built.
bool uses_gpus(const domain::Settings& settings, const std::vector<std::string>& libraries,
               bool driver_loaded);

// What the main workers are to compute on.
struct WorkerDevices {
  std::string engine;                     // "cpu", "cuda" …
  std::vector<std::string> gpus = {};     // one main worker each, see VisibleGpus; empty: one
  std::vector<int> shown = {};            // indices of the GPUs whose state is shown
  std::vector<std::string> notices = {};  // sentences for the user
};

// The station's name of the GPU that is number `i` of WorkerDevices::gpus: "cuda:1".
std::string device_name(std::size_t i);

// The reading as the scheduler gets it: the GPUs that are shown, with the names of their devices.
platform::GpuReading named_devices(platform::GpuReading reading, const WorkerDevices& devices);

// From the first reading of the GPUs. Where that has failed there is one main worker, and CUDA
// chooses its GPU; where there is certainly none the engine `auto` is `cpu`.
WorkerDevices devices_of(const domain::Settings& settings, const platform::GpuReading& reading);

// At least one, the first is a main worker with the name "main".
std::vector<scheduler::WorkerOptions> make_workers(const domain::Settings& settings,
                                                   const std::vector<std::string>& libraries,
                                                   const WorkerDevices& devices,
                                                   WorkerChoice choice);

}  // namespace atelier::app
