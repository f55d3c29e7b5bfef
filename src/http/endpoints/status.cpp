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

struct StatusView {
  std::vector<WorkerView> workers;
  std::vector<DecoderView> decoders;
  int queued = 0, running = 0;
  std::int64_t memory_total_mb = 0, memory_used_mb = 0, uptime_ms = 0;
  std::vector<std::string> notices;  // sentences for the user
};
BOOST_DESCRIBE_STRUCT(StatusView, (),
                      (workers, decoders, queued, running, memory_total_mb, memory_used_mb,
                       uptime_ms, notices))

namespace {

WorkerView view_of(const scheduler::WorkerStatus& worker) {
  std::vector<std::string> loaded;
  for (const auto& model : worker.loaded_models) loaded.push_back(model.id);
  return {worker.name, worker.engine,   worker.device, worker.state,      worker.problem,
          worker.pid,  worker.restarts, worker.job,    std::move(loaded), worker.resident_bytes};
}

Outcome status(const Request&, Service& service) {
  const auto now = service.scheduler.status();
  StatusView view;
  for (const auto& worker : now.workers) view.workers.push_back(view_of(worker));
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
           .summary = "Workers, picture decoders, queue and memory",
           .response = schema_of<StatusView>(),
           .runs_on = RunsOn::kIoThread,
           .function = status}};
}

}  // namespace atelier::http
