// /api/v1/scheduler/explain: what waits for what and why, what is in memory, and what was decided.
#include <optional>

#include "http/endpoints/json_reply.h"
#include "http/route.h"

namespace atelier::scheduler {

BOOST_DESCRIBE_STRUCT(WaitingJobState, (),
                      (job, client, task, priority, position, waiting_ms, reason, sentence,
                       expected_ms, worker, job_ahead, models, bytes_needed, bytes_free))
BOOST_DESCRIBE_STRUCT(RunningJobState, (),
                      (job, model, priority, running_ms, expected_ms, peak_bytes, yielding,
                       suspended))
BOOST_DESCRIBE_STRUCT(ResidentModelState, (), (id, state, bytes, idle_ms, pinned))
BOOST_DESCRIBE_STRUCT(WorkerPlanState, (),
                      (name, device, worker_class, ready, places_free, jobs, models))
BOOST_DESCRIBE_STRUCT(DeviceMemoryState, (), (id, bytes_budget, bytes_held))
BOOST_DESCRIBE_STRUCT(PastDecision, (), (time_ms, kind, reason, sentence, job, model, worker))
BOOST_DESCRIBE_STRUCT(Explanation, (),
                      (mode, next_admission, oldest_waiting_ms, waiting, jobs, workers, devices,
                       decisions))

}  // namespace atelier::scheduler

namespace atelier::http {
namespace {

Outcome explain(const Request&, Service& service) {
  return Later{[&service](const auto& resume) {
    service.scheduler.explain([resume](scheduler::Explanation explanation) {
      resume(
          [explanation = std::move(explanation)]() -> Outcome { return json_reply(explanation); });
    });
  }};
}

}  // namespace

std::vector<Route> scheduler_routes() {
  return {{.method = "GET",
           .pattern = "/api/v1/scheduler/explain",
           .tag = "queue",
           .summary = "What each job that waits waits for, what is in memory on each worker, what "
                      "the next admission needs, and why models were evicted",
           .response = schema_of<scheduler::Explanation>(),
           .function = explain}};
}

}  // namespace atelier::http
