#include "app/workers.h"

#include <algorithm>

#include "app/paths.h"
#include "domain/settings/limits.h"
#include "platform/process.h"

namespace atelier::app {
namespace {

using platform::GpuAccess;
using scheduler::WorkerClass;

bool has_library(const std::vector<std::string>& libraries, const std::string& engine) {
  return std::ranges::find(libraries, "libatelier-engine-" + engine + ".so") != libraries.end();
}

std::string light_engine(const domain::Settings& settings, const std::string& main_engine,
                         const std::vector<std::string>& libraries) {
  if (settings.light_engine != "auto") return settings.light_engine;
  return settings.engine != "fake" && has_library(libraries, "cpu") ? "cpu" : main_engine;
}

scheduler::LaunchChild launcher(const domain::Settings& settings, const std::string& name,
                                const std::string& engine, const std::string& gpu, int niceness) {
  platform::ProcessOptions options;
  options.program = worker_program();
  options.name = name + " worker";
  options.arguments = {"--engine", engine};
  if (!settings.fake.empty()) {
    options.arguments.insert(options.arguments.end(), {"--fake", settings.fake});
  }
  if (settings.threads > 0) {
    options.arguments.insert(options.arguments.end(),
                             {"--threads", std::to_string(settings.threads)});
  }
  // Threads that spin while they wait would take processor time from the station.
  options.environment = {{"OMP_WAIT_POLICY", "passive"}};
  if (!gpu.empty()) {  // the only one that the worker sees, so that it is its device 0
    options.environment["CUDA_VISIBLE_DEVICES"] = gpu;
  } else if (!settings.cuda_devices.empty()) {
    options.environment["CUDA_VISIBLE_DEVICES"] = settings.cuda_devices;
    options.environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";  // as visible_gpus.h counts
  }
  options.niceness = niceness;
  return [options] { return platform::ChildProcess::spawn(options); };
}

bool certainly_none(const platform::GpuReading& reading, bool none_visible) {
  switch (reading.access) {
    case GpuAccess::kReady:
      return none_visible;
    case GpuAccess::kNoDriver:
    case GpuAccess::kNoGpu:
    case GpuAccess::kDriverMismatch:
      return true;
    case GpuAccess::kUnknown:
    case GpuAccess::kNoLibrary:  // in containers CUDA works without it
    case GpuAccess::kFailed:
      return false;
  }
  return false;
}

std::string problem_of(const platform::GpuReading& reading) {
  if (reading.access != GpuAccess::kUnknown) return reading.problem;
  return "NVIDIA's driver has not reported the GPUs within " +
         std::to_string(domain::limits::kGpusPatience.count()) + " s";
}

}  // namespace

bool uses_gpus(const domain::Settings& settings, const std::vector<std::string>& libraries,
               bool driver_loaded) {
  if (settings.engine == "fake") return !settings.nvml.empty();
  if (settings.engine == "auto") return driver_loaded && has_library(libraries, "cuda");
  return settings.engine.find("cuda") != std::string::npos;
}

WorkerDevices devices_of(const domain::Settings& settings, const platform::GpuReading& reading) {
  auto visible = domain::visible_gpus(settings.cuda_devices, reading.gpus);
  WorkerDevices devices{.engine = settings.engine,
                        .gpus = std::move(visible.devices),
                        .shown = std::move(visible.indices),
                        .notices = {}};
  if (reading.access == GpuAccess::kReady) devices.notices = std::move(visible.problems);
  const bool none = certainly_none(reading, devices.gpus.empty());
  if (settings.engine == "auto" && none) devices.engine = "cpu";
  if (reading.access != GpuAccess::kReady) {
    devices.gpus.clear();
    devices.notices.push_back(problem_of(reading) + (devices.engine == "cpu"
                                                         ? ": the processor is used"
                                                         : ": one worker is started, with what "
                                                           "CUDA finds"));
  }
  return devices;
}

std::string device_name(std::size_t i) { return "cuda:" + std::to_string(i); }

platform::GpuReading named_devices(platform::GpuReading reading, const WorkerDevices& devices) {
  std::erase_if(reading.gpus, [&devices](const platform::GpuState& gpu) {
    return std::ranges::find(devices.shown, gpu.index) == devices.shown.end();
  });
  for (std::size_t i = 0; i < devices.gpus.size(); ++i) {
    const auto gpu = std::ranges::find(reading.gpus, devices.gpus[i], &platform::GpuState::uuid);
    if (gpu != reading.gpus.end()) gpu->device = device_name(i);
  }
  return reading;
}

std::vector<scheduler::WorkerOptions> make_workers(const domain::Settings& settings,
                                                   const std::vector<std::string>& libraries,
                                                   const WorkerDevices& devices,
                                                   WorkerChoice choice) {
  std::vector<scheduler::WorkerOptions> workers;
  const auto add = [&](const std::string& name, WorkerClass worker_class,
                       const std::string& engine) -> scheduler::WorkerOptions& {
    return workers.emplace_back(
        scheduler::WorkerOptions{.name = name, .worker_class = worker_class, .engine = engine});
  };
  const auto on_gpu = [&](scheduler::WorkerOptions& worker, std::size_t i) {
    const auto gpu = i < devices.gpus.size() ? devices.gpus[i] : "";
    worker.launch = launcher(settings, worker.name, worker.engine, gpu, choice.niceness);
    if (!gpu.empty()) worker.device = device_name(i);
  };
  on_gpu(add("main", WorkerClass::kMain, devices.engine), 0);
  for (std::size_t i = 1; i < devices.gpus.size(); ++i) {
    on_gpu(add("gpu" + std::to_string(i), WorkerClass::kMain, devices.engine), i);
  }
  if (choice.light && settings.light_engine != "off") {
    auto& light =
        add("light", WorkerClass::kLight, light_engine(settings, devices.engine, libraries));
    const bool same =
        light.engine == devices.engine || light.engine.find("cuda") != std::string::npos;
    on_gpu(light, same ? 0 : devices.gpus.size());
  }
  return workers;
}

}  // namespace atelier::app
