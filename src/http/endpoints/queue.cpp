// /api/v1/queue: what waits, pause and resume, cancel many; and the place of one job in it.
#include <optional>

#include "card/all_tasks.h"
#include "http/endpoints/job_view.h"
#include "http/endpoints/json_reply.h"
#include "http/route.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {

struct PriorityView {
  int priority = 0;
  int queued = 0;
  bool paused = false;
};
BOOST_DESCRIBE_STRUCT(PriorityView, (), (priority, queued, paused))

struct QueueView {
  std::vector<PriorityView> priorities;  // the highest first
  int queued_max = 0;                    // per priority
  int running = 0;
};
BOOST_DESCRIBE_STRUCT(QueueView, (), (priorities, queued_max, running))

struct PauseBody {
  std::optional<int> priority;  // absent: all of them
};
BOOST_DESCRIBE_STRUCT(PauseBody, (), (priority))

struct CancelBody {
  std::string client, task;     // "": all
  std::optional<int> priority;  // absent: all of them
};
BOOST_DESCRIBE_STRUCT(CancelBody, (), (client, task, priority))

struct CancelledView {
  int cancelled = 0;
};
BOOST_DESCRIBE_STRUCT(CancelledView, (), (cancelled))

struct PriorityBody {
  int priority = -1;
};
BOOST_DESCRIBE_STRUCT(PriorityBody, (), (priority))

namespace {

// Unknown fields are refused: a misspelt filter would apply the change to every job.
template <class T>
T read_exactly(const Request& request) {
  std::vector<std::string> unknown;
  auto body = read_body<T>(request, [](const boost::json::object&) {}, &unknown);
  if (unknown.empty()) return body;
  std::string names;
  for (const auto& name : json::member_names<T>()) names += (names.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::kInvalidArgument, "unknown field '" +
                                               platform::cut(unknown.front().substr(1), 40) +
                                               "': choose among " + names);
}

Outcome view_of_queue(Service& service) {
  const auto now = service.scheduler.queue();
  QueueView view{.priorities = {}, .queued_max = now.queued_max, .running = now.running};
  for (const auto& each : now.priorities) {
    view.priorities.push_back({each.priority, each.queued, each.paused});
  }
  return json_reply(view);
}

Outcome show(const Request&, Service& service) { return view_of_queue(service); }

Outcome set_paused(const Request& request, Service& service, bool paused) {
  const auto body = read_exactly<PauseBody>(request);
  for (const auto& each : service.scheduler.queue().priorities) {
    if (!body.priority) service.scheduler.set_paused(each.priority, paused);
  }
  if (body.priority) service.scheduler.set_paused(*body.priority, paused);
  return view_of_queue(service);
}

Outcome pause(const Request& request, Service& service) {
  return set_paused(request, service, true);
}

Outcome resume(const Request& request, Service& service) {
  return set_paused(request, service, false);
}

Outcome cancel(const Request& request, Service& service) {
  const auto body = read_exactly<CancelBody>(request);
  if (!body.task.empty()) card::task_named(body.task);
  return json_reply(CancelledView{service.scheduler.cancel_queued(
      {.client = body.client, .task = body.task, .priority = body.priority})});
}

Outcome set_priority(const Request& request, Service& service) {
  const auto body = read_exactly<PriorityBody>(request);
  return json_reply(
      view_of(service.scheduler.set_priority(request.parameter("id"), body.priority)));
}

Outcome move_to_front(const Request& request, Service& service) {
  return json_reply(view_of(service.scheduler.move_to_front(request.parameter("id"))));
}

}  // namespace

std::vector<Route> queue_routes() {
  return {{.method = "GET",
           .pattern = "/api/v1/queue",
           .tag = "queue",
           .summary = "How many jobs wait, and what is paused, by priority: 3 immediate, "
                      "2 interactive, 1 preload, 0 background",
           .response = schema_of<QueueView>(),
           .function = show},
          {.method = "POST",
           .pattern = "/api/v1/queue/pause",
           .tag = "queue",
           .summary = "Start no more jobs of a priority, or of any; what runs goes on, and a "
                      "restart keeps it",
           .request = schema_of<PauseBody>(),
           .response = schema_of<QueueView>(),
           .function = pause},
          {.method = "POST",
           .pattern = "/api/v1/queue/resume",
           .tag = "queue",
           .summary = "Start jobs of a paused priority again, or of all",
           .request = schema_of<PauseBody>(),
           .response = schema_of<QueueView>(),
           .function = resume},
          {.method = "POST",
           .pattern = "/api/v1/queue/cancel",
           .tag = "queue",
           .summary = "Cancel all jobs that wait, or those of a client, task or priority; what "
                      "runs goes on",
           .request = schema_of<CancelBody>(),
           .response = schema_of<CancelledView>(),
           .function = cancel},
          {.method = "POST",
           .pattern = "/api/v1/jobs/{id}/priority",
           .tag = "queue",
           .summary = "Give a job that waits another priority",
           .request = schema_of<PriorityBody>(),
           .response = schema_with_jobs<JobView>(),
           .function = set_priority},
          {.method = "POST",
           .pattern = "/api/v1/jobs/{id}/front",
           .tag = "queue",
           .summary = "Move a job that waits before the others of its priority",
           .response = schema_with_jobs<JobView>(),
           .function = move_to_front}};
}

}  // namespace atelier::http
