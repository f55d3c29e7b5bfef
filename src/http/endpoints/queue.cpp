// /api/v1/queue: what waits and in which order, pause and resume, cancel many, run ended jobs
// again; and the place of one job in it.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "card/all_tasks.h"
#include "http/endpoints/job_view.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/query_number.h"
#include "http/endpoints/submission.h"
#include "http/route.h"
#include "http/sender.h"
#include "http/server.h"
#include "platform/error.h"

namespace atelier::http {

struct PriorityView {
  int priority = 0;
  int queued = 0;
  int queued_max = 0;  // beyond it jobs are refused with 429
  bool paused = false;
};
BOOST_DESCRIBE_STRUCT(PriorityView, (), (priority, queued, queued_max, paused))

struct QueueView {
  std::vector<PriorityView> priorities;  // the highest first
  int running = 0;
};
BOOST_DESCRIBE_STRUCT(QueueView, (), (priorities, running))

struct QueuedJobView {
  int position = 0;  // 1: at the head of the queue
  std::string id, task, client;
  std::string model;  // of its next run; "": the default one
  int priority = 0;
  std::int64_t created_ms = 0;
};
BOOST_DESCRIBE_STRUCT(QueuedJobView, (), (position, id, task, client, model, priority, created_ms))

struct QueuedJobList {
  std::vector<QueuedJobView> jobs;
  std::string next;  // the value of `after` for the next page; "": this page is the last
};
BOOST_DESCRIBE_STRUCT(QueuedJobList, (), (jobs, next))

struct PauseBody {
  std::optional<int> priority;  // absent: all of them
};
BOOST_DESCRIBE_STRUCT(PauseBody, (), (priority))

struct CancelBody {
  std::string client, task;     // "": all
  std::optional<int> priority;  // absent: all of them
};
BOOST_DESCRIBE_STRUCT(CancelBody, (), (client, task, priority))

struct RetryBody : CancelBody {
  std::string state = "failed";  // or "cancelled"
};
BOOST_DESCRIBE_STRUCT(RetryBody, (CancelBody), (state))

struct RefusedRetryView {
  std::string id;      // of the ended job
  std::string detail;  // why it is not run again
};
BOOST_DESCRIBE_STRUCT(RefusedRetryView, (), (id, detail))

struct RetriedView {
  std::vector<std::string> jobs;  // ids of the new ones
  std::vector<RefusedRetryView> refused;
};
BOOST_DESCRIBE_STRUCT(RetriedView, (), (jobs, refused))

struct CancelledView {
  int cancelled = 0;
};
BOOST_DESCRIBE_STRUCT(CancelledView, (), (cancelled))

struct PriorityBody {
  int priority = -1;
};
BOOST_DESCRIBE_STRUCT(PriorityBody, (), (priority))

namespace {

constexpr int kListDefault = 50, kListMax = 500;

Outcome view_of_queue(Service& service) {
  const auto now = service.scheduler.queue();
  QueueView view{.priorities = {}, .running = now.running};
  for (const auto& each : now.priorities) {
    view.priorities.push_back({each.priority, each.queued, each.queued_max, each.paused});
  }
  return json_reply(view);
}

Outcome show(const Request&, Service& service) { return view_of_queue(service); }

// "2.-1.7340032": priority, rank and sequence.
std::string cursor_of(const domain::WaitingJob& job) {
  return std::to_string(job.priority) + "." + std::to_string(job.rank) + "." +
         std::to_string(job.sequence);
}

domain::QueuePlace read_cursor(std::string_view text) {
  std::array<std::int64_t, 3> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  bool whole = true;
  for (std::size_t i = 0; whole && i < numbers.size(); ++i) {
    if (i > 0) whole = at != end && *at++ == '.';
    const auto [rest, problem] = std::from_chars(at, end, numbers[i]);
    whole = whole && problem == std::errc{};
    at = rest;
  }
  if (!whole || at != end || numbers[0] < 0 || numbers[0] >= domain::kPriorities) {
    throw Error(ErrorCode::kInvalidArgument, "after", "it must be the 'next' of the page before");
  }
  return {static_cast<int>(numbers[0]), numbers[1], numbers[2]};
}

Outcome list(const Request& request, Service& service) {
  int limit = kListDefault;
  if (const auto text = request.query_value("limit")) {
    limit = static_cast<int>(std::clamp<std::int64_t>(read_number(*text, "limit"), 1, kListMax));
  }
  std::optional<domain::QueuePlace> after;
  if (const auto text = request.query_value("after"); text && !text->empty()) {
    after = read_cursor(*text);
  }
  const auto page = service.scheduler.queue_page(after, limit);
  QueuedJobList list;
  for (const auto& job : page.jobs) {
    list.jobs.push_back({page.position + static_cast<int>(list.jobs.size()), job.id, job.task,
                         job.client, job.model, job.priority, job.created_ms});
  }
  if (!page.is_last) list.next = cursor_of(page.jobs.back());
  return json_reply(list);
}

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

domain::QueueFilter filter_of(const CancelBody& body) {
  if (!body.task.empty()) card::task_named(body.task);
  return {.client = body.client, .task = body.task, .priority = body.priority};
}

Outcome cancel(const Request& request, Service& service) {
  const auto filter = filter_of(read_exactly<CancelBody>(request));
  return json_reply(CancelledView{service.scheduler.cancel_queued(filter)});
}

Outcome retried(const scheduler::Repeated& repeated) {
  RetriedView view;
  for (const auto& job : repeated.jobs) view.jobs.push_back(job.id);
  for (const auto& each : repeated.refused) {
    if (view.jobs.empty() && each.error.code() == ErrorCode::kQueueFull) throw Error(each.error);
    view.refused.push_back({each.id, each.error.what()});
  }
  return json_reply(view);
}

Outcome retry(const Request& request, Service& service) {
  const auto body = read_exactly<RetryBody>(request);
  const auto state = domain::job_state_from_name(body.state);
  if (state != domain::JobState::kFailed && state != domain::JobState::kCancelled) {
    throw Error(ErrorCode::kInvalidArgument, "/state", "it must be \"failed\" or \"cancelled\"");
  }
  const auto client = client_of(request, service.settings.api_key);
  return once_models_are_known(
      request, service, [&service, state, client, filter = filter_of(body)]() -> Outcome {
        return Later{[&service, state, client, filter](const auto& resume) {
          service.scheduler.repeat_ended(*state, filter, client,
                                         [resume](scheduler::Repeated repeated) {
                                           resume([repeated] { return retried(repeated); });
                                         });
        }};
      });
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
          {.method = "GET",
           .pattern = "/api/v1/queue/jobs",
           .tag = "queue",
           .summary = "The jobs that wait, in their order: the highest priority first. Which one "
                      "starts next also depends on turns of clients, ageing and the models in "
                      "memory",
           .response = schema_of<QueuedJobList>(),
           .function = list,
           .query = {{"limit", "How many at most: 1 to 500, otherwise 50"},
                     {"after", "Only jobs behind this place: the next of the page before"}}},
          {.method = "POST",
           .pattern = "/api/v1/queue/retry",
           .tag = "queue",
           .summary = "Run all failed jobs again (or the cancelled ones), or those of a client, "
                      "task or priority, that have not been run again yet: 100 at a time",
           .request = schema_of<RetryBody>(),
           .response = schema_of<RetriedView>(),
           .function = retry},
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
           .summary = "Give a job that waits another priority: it becomes the last one there",
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
