// /api/v1/jobs: ask for work, follow it, stop it.
#include <charconv>
#include <limits>

#include "http/endpoints/job_view.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/sampler_names.h"
#include "http/route.h"
#include "platform/error.h"

namespace atelier::http {

struct GenerateBody : card::GenerationInput {
  std::string image;  // base64 or data URL
  std::string mask;   // base64 or data URL; white is repainted
};
BOOST_DESCRIBE_STRUCT(GenerateBody, (card::GenerationInput), (image, mask))

struct NewJobBody {
  std::string kind = "generate";
  int priority = domain::kPriorityInteractive;
  GenerateBody input;
};
BOOST_DESCRIBE_STRUCT(NewJobBody, (), (kind, priority, input))

struct AcceptedJob : JobView {
  std::vector<std::string> warnings;  // sentences
};
BOOST_DESCRIBE_STRUCT(AcceptedJob, (JobView), (warnings))

struct JobList {
  std::vector<JobView> jobs;
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs))

struct EventView {
  std::int64_t id = 0;
  std::string type;
  std::int64_t time_ms = 0;
  JobView job;
};
BOOST_DESCRIBE_STRUCT(EventView, (), (id, type, time_ms, job))

namespace {

constexpr int kListDefault = 50;
constexpr int kListMax = 500;

std::int64_t read_number(std::string_view text, std::string_view what) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 0) {
    throw Error(ErrorCode::kInvalidArgument, std::string{what} +
                                                 " must be a whole number from 0, not '" +
                                                 std::string{text.substr(0, 40)} + "'");
  }
  return value;
}

scheduler::NewJob wish_of(const NewJobBody& body) {
  if (body.kind != "generate") {
    throw Error(ErrorCode::kInvalidArgument,
                "/kind: '" + body.kind.substr(0, 40) + "' is no kind of job here: use 'generate'");
  }
  if (body.priority < 0 || body.priority > 3) {
    throw Error(ErrorCode::kInvalidArgument, "/priority: it must be 0, 1, 2 or 3");
  }
  scheduler::NewJob wish;
  wish.input.kind = body.kind;
  wish.input.generation = body.input;
  wish.priority = body.priority;
  wish.client = "api";
  wish.image = read_picture(body.input.image, "/input/image");
  wish.mask = read_picture(body.input.mask, "/input/mask");
  return wish;
}

Outcome submit(const Request& request, Service& service) {
  std::vector<std::string> unknown;
  const auto wish = wish_of(read_body<NewJobBody>(request, &unknown));
  const auto& input = wish.input.generation;
  check_sampler_names(input.sampler, input.schedule, service.scheduler.status());
  AcceptedJob accepted;
  static_cast<JobView&>(accepted) = view_of(service.scheduler.submit(wish));
  for (const auto& key : unknown)
    accepted.warnings.push_back(key + " is not known and was ignored");
  Response response = json_reply(accepted, 202);
  response.set("Location", "/api/v1/jobs/" + accepted.id);
  return response;
}

Outcome list(const Request& request, Service& service) {
  std::int64_t limit = kListDefault;
  if (const auto text = request.query_value("limit")) limit = read_number(*text, "limit");
  JobList jobs;
  for (const auto& job :
       service.scheduler.recent_jobs(static_cast<int>(std::min<std::int64_t>(limit, kListMax)))) {
    jobs.jobs.push_back(view_of(job));
  }
  return json_reply(jobs);
}

Outcome show(const Request& request, Service& service) {
  return json_reply(view_of(service.scheduler.job(request.parameter("id"))));
}

Outcome cancel(const Request& request, Service& service) {
  return json_reply(view_of(service.scheduler.cancel(request.parameter("id"))));
}

// A browser that reconnects says by itself what it has seen last.
Outcome events(const Request& request, Service& service) {
  EventStream stream;
  stream.job = service.scheduler.job(request.parameter("id")).id;
  if (const auto last = request.header("Last-Event-ID"); !last.empty()) {
    stream.after = read_number(last, "Last-Event-ID");
  } else if (const auto after = request.query_value("after")) {
    stream.after = read_number(*after, "after");
  }
  stream.format = [](const domain::JobEvent& event) {
    return json::write_json(EventView{event.id, event.type, event.time_ms, view_of(event.job)});
  };
  return stream;
}

}  // namespace

std::vector<Route> job_routes() {
  return {{.method = "POST",
           .pattern = "/api/v1/jobs",
           .tag = "jobs",
           .summary = "Ask for work; it is written down before it is acknowledged",
           .request = schema_of<NewJobBody>(),
           .response = schema_of<AcceptedJob>(),
           .success = 202,
           .function = submit},
          {.method = "GET",
           .pattern = "/api/v1/jobs",
           .tag = "jobs",
           .summary = "The newest jobs",
           .response = schema_of<JobList>(),
           .function = list,
           .query = {"limit"}},
          {.method = "GET",
           .pattern = "/api/v1/jobs/{id}",
           .tag = "jobs",
           .summary = "One job",
           .response = schema_of<JobView>(),
           .function = show},
          {.method = "GET",
           .pattern = "/api/v1/jobs/{id}/events",
           .tag = "jobs",
           .summary = "Server-Sent Events of a job; the data of each is an EventView",
           .response = schema_of<EventView>(),
           .response_type = "text/event-stream",
           .function = events,
           .query = {"after"}},
          {.method = "POST",
           .pattern = "/api/v1/jobs/{id}/cancel",
           .tag = "jobs",
           .summary = "Stop a job",
           .response = schema_of<JobView>(),
           .function = cancel}};
}

}  // namespace atelier::http
