// GET /api/v1/status: the present state of the machine.
#include "http/endpoints/json_reply.h"
#include "http/route.h"

namespace atelier::http {

struct WorkerView {
  std::string name, engine, device, state, problem;
  int pid = 0, restarts = 0;
  std::string job;
  std::vector<std::string> loaded_models;
  std::int64_t resident_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(WorkerView, (),
                      (name, engine, device, state, problem, pid, restarts, job, loaded_models,
                       resident_bytes))

struct DecoderView {
  std::string state, problem;
  int pid = 0;
  std::vector<std::string> sandbox;  // measures in force, as the decoder verified them
};
BOOST_DESCRIBE_STRUCT(DecoderView, (), (state, problem, pid, sandbox))

struct GpuProcessView {
  int pid = 0;
  std::optional<std::int64_t> memory_mb;
};
BOOST_DESCRIBE_STRUCT(GpuProcessView, (), (pid, memory_mb))

// What the driver does not report is null; `not_reported` names what it never reports of this GPU.
struct GpuStateView {
  int index = 0;  // as nvidia-smi counts
  std::string uuid, name, compute_capability;
  std::string device;   // the station's name for it, "cuda:0"; "": no worker computes on it
  std::string worker;   // the main worker that computes on it; "": none
  std::string problem;  // a sentence, "" when well
  std::optional<std::int64_t> memory_total_mb, memory_used_mb, memory_free_mb;
  std::optional<int> busy_percent, temperature_c;
  std::optional<double> power_w, power_limit_w;
  std::vector<GpuProcessView> processes;  // of all users, as far as the driver lists them
  std::vector<std::string> not_reported;
};
BOOST_DESCRIBE_STRUCT(GpuStateView, (),
                      (index, uuid, name, compute_capability, device, worker, problem,
                       memory_total_mb, memory_used_mb, memory_free_mb, busy_percent, temperature_c,
                       power_w, power_limit_w, processes, not_reported))

struct StatusView {
  std::vector<WorkerView> workers;
  std::vector<GpuStateView> gpus;  // that the station may use; empty where it computes on none
  std::string gpu_problem;         // why their state is not known, or old; "" when well
  std::vector<DecoderView> decoders;
  int queued = 0, running = 0;
  std::int64_t memory_total_mb = 0, memory_used_mb = 0, uptime_ms = 0;
  std::vector<std::string> notices;  // sentences for the user
};
BOOST_DESCRIBE_STRUCT(StatusView, (),
                      (workers, gpus, gpu_problem, decoders, queued, running, memory_total_mb,
                       memory_used_mb, uptime_ms, notices))

namespace {

WorkerView view_of(const scheduler::WorkerStatus& worker) {
  std::vector<std::string> loaded;
  for (const auto& model : worker.loaded_models) loaded.push_back(model.id);
  return {worker.name, worker.engine,   worker.device, worker.state,      worker.problem,
          worker.pid,  worker.restarts, worker.job,    std::move(loaded), worker.resident_bytes};
}

GpuStateView view_of(const scheduler::GpuStatus& gpu) {
  const auto& state = gpu.state;
  GpuStateView view{.index = state.index,
                    .uuid = state.uuid,
                    .name = state.name,
                    .compute_capability = state.compute_capability,
                    .device = state.device,
                    .worker = gpu.worker,
                    .problem = state.problem,
                    .memory_total_mb = {},
                    .memory_used_mb = {},
                    .memory_free_mb = {},
                    .busy_percent = state.busy_percent,
                    .temperature_c = state.temperature_c,
                    .power_w = state.power_w,
                    .power_limit_w = state.power_limit_w,
                    .processes = {},
                    .not_reported = state.not_reported};
  if (state.memory) {
    view.memory_total_mb = state.memory->bytes_total >> 20;
    view.memory_used_mb = state.memory->bytes_used >> 20;
    view.memory_free_mb = state.memory->bytes_free >> 20;
  }
  for (const auto& process : state.processes) {
    auto& shown = view.processes.emplace_back(GpuProcessView{.pid = process.pid, .memory_mb = {}});
    if (process.bytes) shown.memory_mb = *process.bytes >> 20;
  }
  return view;
}

Outcome status(const Request&, Service& service) {
  const auto now = service.scheduler.status();
  StatusView view;
  for (const auto& worker : now.workers) view.workers.push_back(view_of(worker));
  for (const auto& gpu : now.gpus) view.gpus.push_back(view_of(gpu));
  view.gpu_problem = now.gpu_problem;
  for (const auto& decoder : now.decoders) {
    view.decoders.push_back({decoder.state, decoder.problem, decoder.pid, decoder.sandbox});
  }
  view.queued = now.queued;
  view.running = now.running;
  view.memory_total_mb = now.memory_total_mb;
  view.memory_used_mb = now.memory_used_mb;
  view.uptime_ms = now.uptime_ms;
  view.notices = now.notices;
  return json_reply(view);
}

}  // namespace

std::vector<Route> status_routes() {
  return {{.method = "GET",
           .pattern = "/api/v1/status",
           .tag = "status",
           .summary = "Workers, GPUs, picture decoders, queue and memory",
           .response = schema_of<StatusView>(),
           .runs_on = RunsOn::kIoThread,
           .function = status}};
}

}  // namespace atelier::http
