// The endpoints of the legacy gallery's status page: /metrics (JSON), /v1/stats and
// POST /v1/system/unload. The first two are polled every two seconds: snapshots only.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include "domain/settings/limits.h"
#include "http/endpoints/json_reply.h"
#include "http/route.h"
#include "http/server.h"
#include "platform/system.h"

namespace atelier::http {

struct CpuDetails {
  double usage = 0;  // percent
  int cores = 0;
};
BOOST_DESCRIBE_STRUCT(CpuDetails, (), (usage, cores))

struct MemoryDetails {
  double used_gb = 0, total_gb = 0, percent = 0;
};
BOOST_DESCRIBE_STRUCT(MemoryDetails, (), (used_gb, total_gb, percent))

struct EnvironmentView {
  std::string platform;  // "CPU", "CUDA"
  bool accelerator_available = false;
  std::string torch_version;  // libtorch's
  std::optional<std::string> cuda_version, hip_version;
  std::string execution_type;    // "System", "Docker"
  double process_memory_mb = 0;  // of station and worker
};
BOOST_DESCRIBE_STRUCT(EnvironmentView, (),
                      (platform, accelerator_available, torch_version, cuda_version, hip_version,
                       execution_type, process_memory_mb))

struct GpuView {
  int id = 0;
  std::string name;
  std::optional<double> load;                      // percent; null: not reported
  std::int64_t memory_used = 0, memory_total = 0;  // MB
  std::optional<double> temperature;               // °C; null: not reported
  bool fan_control_supported = false;
  std::string type;
};
BOOST_DESCRIBE_STRUCT(GpuView, (),
                      (id, name, load, memory_used, memory_total, temperature,
                       fan_control_supported, type))

struct LoadedModelView {
  std::string id, name;
  std::int64_t vram_mb = 0, ram_mb = 0;
  std::int64_t loaded_at = 0;  // Unix time in seconds
};
BOOST_DESCRIBE_STRUCT(LoadedModelView, (), (id, name, vram_mb, ram_mb, loaded_at))

struct GhostMemory {
  bool detected = false;  // not detected yet
  std::int64_t ghost_vram_mb = 0;
};
BOOST_DESCRIBE_STRUCT(GhostMemory, (), (detected, ghost_vram_mb))

struct MetricsView {
  double cpu = 0, memory = 0;  // percent
  std::string device;
  CpuDetails cpu_details;
  MemoryDetails memory_details;
  EnvironmentView environment;
  std::vector<GpuView> gpus;
  std::vector<LoadedModelView> loaded_models;
  GhostMemory ghost_memory;
};
BOOST_DESCRIBE_STRUCT(MetricsView, (),
                      (cpu, memory, device, cpu_details, memory_details, environment, gpus,
                       loaded_models, ghost_memory))

struct StatsView {
  int workers = 0;  // that can work now
  int queue_size = 0;
  int max_queue_size = 0;  // per priority
  int processing = 0;
  int timeouts = 0;                       // no job is ended for its age
  std::optional<double> default_timeout;  // seconds; null: calls wait without a limit
  std::string model;                      // the default; "": none
  std::string status;                     // "running", "stopped"
  std::int64_t requests_processed = 0;    // since the station's start
};
BOOST_DESCRIBE_STRUCT(StatsView, (),
                      (workers, queue_size, max_queue_size, processing, timeouts, default_timeout,
                       model, status, requests_processed))

struct UnloadReply {
  std::string status = "success";
  std::string message;
};
BOOST_DESCRIBE_STRUCT(UnloadReply, (), (status, message))

namespace {

constexpr double kMegabyte = 1 << 20;
constexpr double kGigabyte = 1 << 30;

double rounded(double value) { return std::round(value * 10) / 10; }

bool on_gpu(const scheduler::WorkerStatus& worker) { return worker.engine.starts_with("cuda"); }

// A file that Docker puts there; absent everywhere else.
std::string execution_type() {
  static const bool in_docker = [] {
    std::error_code unreadable;
    return std::filesystem::exists("/.dockerenv", unreadable);
  }();
  return in_docker ? "Docker" : "System";
}

EnvironmentView environment_of(const scheduler::StationStatus& now) {
  EnvironmentView view;
  std::int64_t bytes = platform::resident_bytes(::getpid());
  view.platform = "CPU";
  view.execution_type = execution_type();
  for (const auto& worker : now.workers) {
    bytes += worker.resident_bytes;
    if (!worker.libtorch.empty()) view.torch_version = worker.libtorch;
    if (!on_gpu(worker)) continue;
    view.platform = "CUDA";
    view.accelerator_available = true;
  }
  view.process_memory_mb = rounded(static_cast<double>(bytes) / kMegabyte);
  return view;
}

void add_gpu(const platform::GpuState& gpu, MetricsView& view) {
  auto& row = view.gpus.emplace_back();
  row.id = gpu.index;
  row.name = gpu.name;
  row.type = "NVIDIA";
  if (gpu.busy_percent) row.load = *gpu.busy_percent;
  if (gpu.temperature_c) row.temperature = *gpu.temperature_c;
  if (!gpu.memory) return;
  row.memory_used = gpu.memory->bytes_used >> 20;
  row.memory_total = gpu.memory->bytes_total >> 20;
}

void add_worker(const scheduler::WorkerStatus& worker, const scheduler::StationStatus& now,
                MetricsView& view) {
  const bool gpu = on_gpu(worker);
  if (gpu && now.gpus.empty()) {  // whose state cannot be read
    view.gpus.push_back({.id = static_cast<int>(view.gpus.size()),
                         .name = worker.device,
                         .load = {},
                         .memory_used = now.memory_used_mb,
                         .memory_total = now.memory_total_mb,
                         .temperature = {},
                         .fan_control_supported = false,
                         .type = "NVIDIA"});
  }
  for (const auto& model : worker.loaded_models) {
    const std::int64_t megabytes = model.bytes >> 20;
    view.loaded_models.push_back({model.id, model.title, gpu ? megabytes : 0, gpu ? 0 : megabytes,
                                  model.seen_since_ms / 1000});
  }
}

Outcome metrics(const Request&, Service& service) {
  const auto now = service.scheduler.status();
  MetricsView view;
  view.cpu = rounded(now.cpu_percent);
  view.cpu_details = {view.cpu, now.processors};
  const auto total = static_cast<double>(now.ram_bytes_total);
  const auto used = static_cast<double>(now.ram_bytes_used);
  view.memory = total > 0 ? rounded(100 * used / total) : 0;
  view.memory_details = {used / kGigabyte, total / kGigabyte, view.memory};
  view.device = device_of(now);
  view.environment = environment_of(now);
  for (const auto& gpu : now.gpus) add_gpu(gpu.state, view);
  for (const auto& worker : now.workers) add_worker(worker, now, view);
  Response response = json_reply(view);
  set_memory_headers(response, now);
  return response;
}

Outcome stats(const Request&, Service& service) {
  const auto now = service.scheduler.status();
  StatsView view;
  bool possible = false;
  for (const auto& worker : now.workers) {
    if (worker.state == "idle" || worker.state == "busy") ++view.workers;
    possible = possible || worker.state != "missing";
  }
  view.queue_size = now.queued;
  view.max_queue_size = now.queue_max;
  view.processing = now.running;
  const auto limit = service.settings.limits.job_wait;
  if (limit.count() > 0) {
    view.default_timeout = std::chrono::duration<double>(limit).count();
  }
  view.model = now.default_model;
  view.status = possible ? "running" : "stopped";
  view.requests_processed = now.jobs_ended;
  return json_reply(view);
}

std::string message_of(scheduler::Unloaded unloaded) {
  switch (unloaded) {
    case scheduler::Unloaded::kNow:
      return "All models unloaded and VRAM cleared";
    case scheduler::Unloaded::kAfterJob:
      return "A picture is being made: the models are unloaded when it is done";
    case scheduler::Unloaded::kLater:
      break;
  }
  return "The worker has not answered yet: the models are unloaded as soon as it does";
}

Outcome unload(const Request&, Service& service) {
  return Later{[&service](const auto& resume) {
    service.scheduler.unload_models(
        domain::limits::kUnloadPatience, [resume, &service](scheduler::Unloaded unloaded) {
          resume([unloaded, &service]() -> Outcome {
            Response response = json_reply(UnloadReply{.message = message_of(unloaded)});
            set_memory_headers(response, service.scheduler.device_memory());
            return response;
          });
        });
  }};
}

}  // namespace

std::vector<Route> legacy_status_routes() {
  return {{.method = "GET",
           .pattern = "/metrics",
           .tag = "legacy",
           .summary = "State of the machine, for the gallery's status page",
           .response = schema_of<MetricsView>(),
           .runs_on = RunsOn::kIoThread,
           .function = metrics},
          {.method = "GET",
           .pattern = "/v1/stats",
           .tag = "legacy",
           .summary = "Queue and workers",
           .response = schema_of<StatsView>(),
           .runs_on = RunsOn::kIoThread,
           .function = stats},
          {.method = "POST",
           .pattern = "/v1/system/unload",
           .tag = "legacy",
           .summary = "Free the models' memory: at once, or after the job that uses them",
           .response = schema_of<UnloadReply>(),
           .function = unload}};
}

}  // namespace atelier::http
