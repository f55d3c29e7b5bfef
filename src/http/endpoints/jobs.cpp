// /api/v1/jobs: submit, list, follow and cancel jobs.
#include <algorithm>
#include <memory>
#include <utility>

#include "card/all_tasks.h"
#include "card/tasks/generate.h"
#include "http/endpoints/job_body.h"
#include "http/endpoints/job_view.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/query_number.h"
#include "http/endpoints/submission.h"
#include "http/route.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {

struct JobList {
  std::vector<JobView> jobs;
  // The value of `before` for the next page; "": this page is the last.
  std::string next;
};
BOOST_DESCRIBE_STRUCT(JobList, (), (jobs, next))

struct EventView {
  std::int64_t id = 0;
  std::string type;
  std::int64_t time_ms = 0;
  JobView job;
};
BOOST_DESCRIBE_STRUCT(EventView, (), (id, type, time_ms, job))

// Of the type text.
struct TextEventView {
  std::int64_t id = 0;
  std::string type;
  std::int64_t time_ms = 0;
  std::string job;          // id
  std::int64_t offset = 0;  // in bytes of UTF-8; 0: the text starts again
  std::string text;
};
BOOST_DESCRIBE_STRUCT(TextEventView, (), (id, type, time_ms, job, offset, text))

struct ReplayBody {
  std::string seed = "same";
};
BOOST_DESCRIBE_STRUCT(ReplayBody, (), (seed))

namespace {

constexpr std::string_view kSameSeed = "same", kNewSeed = "new";
constexpr int kListDefault = 50;
constexpr int kListMax = 500;
// Of one list, because it is held in memory until the client has read it: 500 jobs with usual
// prompts.
constexpr std::size_t kListBytes = 1 << 20;
constexpr int kListPiece = 50;  // jobs that are read at a time

// "queued,running"; "" is every state.
std::vector<domain::JobState> read_states(std::string_view text) {
  std::vector<domain::JobState> states;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    const auto state = domain::job_state_from_name(name);
    if (!state) {
      std::string known;
      for (const auto& each : domain::job_state_names()) {
        known += (known.empty() ? "" : ", ") + each;
      }
      throw Error(ErrorCode::kInvalidArgument, "state",
                  "invalid state '" + platform::cut(name, 40) + "': choose among " + known);
    }
    states.push_back(*state);
  }
  return states;
}

Outcome accepted(const domain::Job& job) {
  Response response = json_reply(view_of(job), 202);
  response.set("Location", "/api/v1/jobs/" + job.id);
  return response;
}

Outcome submit(const Request& request, Service& service) {
  const auto new_job = std::make_shared<scheduler::NewJob>(read_new_job(request));
  return submit_job(request, service, [new_job] { return std::move(*new_job); }, accepted);
}

Outcome list(const Request& request, Service& service) {
  domain::JobFilter filter{.limit = kListDefault};
  if (const auto text = request.query_value("limit")) {
    filter.limit = static_cast<int>(std::min<std::int64_t>(read_number(*text, "limit"), kListMax));
  }
  filter.states = read_states(request.query_value("state").value_or(""));
  filter.before = request.query_value("before").value_or("");
  filter.client = request.query_value("client").value_or("");
  if (const auto repeated = request.query_value("repeated")) {
    if (*repeated != "false") {
      throw Error(ErrorCode::kInvalidArgument, "repeated", "it can only be 'false'");
    }
    filter.not_repeated = true;
  }
  if (const auto task = request.query_value("task"); task && !task->empty()) {
    filter.task = card::task_named(*task).id;
  }
  JobList list;
  std::size_t bytes = 0;
  for (int left = filter.limit; left > 0; left -= kListPiece) {
    filter.limit = std::min(left, kListPiece);
    const auto jobs = service.scheduler.recent_jobs(filter);
    for (const auto& job : jobs) {
      bytes += domain::bytes_of(job);
      if (bytes > kListBytes && !list.jobs.empty()) {
        list.next = list.jobs.back().id;
        return json_reply(list);
      }
      list.jobs.push_back(view_of(job));
    }
    if (std::ssize(jobs) < filter.limit) return json_reply(list);
    filter.before = jobs.back().id;
  }
  filter.limit = 1;
  if (!list.jobs.empty() && !service.scheduler.recent_jobs(filter).empty()) {
    list.next = list.jobs.back().id;
  }
  return json_reply(list);
}

Outcome show(const Request& request, Service& service) {
  return json_reply(view_of(service.scheduler.job(request.parameter("id"))));
}

Outcome cancel(const Request& request, Service& service) {
  return json_reply(view_of(service.scheduler.cancel(request.parameter("id"))));
}

std::string event_line(const domain::JobEvent& event) {
  if (event.type == domain::kTextEvent) {
    return json::write_json(
        TextEventView{event.id, event.type, event.time_ms, event.job.id, event.offset, event.text});
  }
  return json::write_json(EventView{event.id, event.type, event.time_ms, view_of(event.job)});
}

Outcome retry(const Request& request, Service& service) {
  return repeat_job(request, service, request.parameter("id"), scheduler::RepeatSeed::kSame,
                    accepted);
}

Outcome replay(const Request& request, Service& service) {
  const auto body = request.body.text().empty() ? ReplayBody{} : read_exactly<ReplayBody>(request);
  if (body.seed != kSameSeed && body.seed != kNewSeed) {
    throw Error(ErrorCode::kInvalidArgument, "/seed", "it must be \"same\" or \"new\"");
  }
  const auto seed =
      body.seed == kNewSeed ? scheduler::RepeatSeed::kNew : scheduler::RepeatSeed::kSame;
  return repeat_job(request, service, request.parameter("id"), seed, accepted);
}

// A browser sends Last-Event-ID when it reconnects, and stops only at a 204.
Outcome events(const Request& request, Service& service) {
  EventStream stream{.job = request.parameter("id"), .format = event_line};
  const std::int64_t end = service.scheduler.end_event(stream.job);
  if (const auto last = request.header("Last-Event-ID"); !last.empty()) {
    stream.after = read_number(last, "Last-Event-ID");
  } else if (const auto after = request.query_value("after")) {
    stream.after = read_number(*after, "after");
  }
  if (end == 0 || stream.after < end) return stream;
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

boost::json::object event_schema(SchemaBook& book) {
  auto event = schema_with_jobs<EventView>()(book);
  auto text = schema_of<TextEventView>()(book);
  return {{"oneOf", boost::json::array{std::move(event), std::move(text)}}};
}

// For the document: a body that is accepted unchanged.
boost::json::value example() {
  const boost::json::object input{{"prompt", "a red circle on a white ground"}, {"steps", 8}};
  return boost::json::object{{"task", card::generate_task().id}, {"input", input}};
}

}  // namespace

std::vector<Route> job_routes() {
  return {
      {.method = "POST",
       .pattern = "/api/v1/jobs",
       .tag = "jobs",
       .summary = "Submit a job; it is stored before it is acknowledged",
       .request = new_job_schema(),
       .response = schema_with_jobs<JobView>(),
       .success = 202,
       .function = submit,
       .takes = Takes::kPictures,
       .submits_jobs = true,
       .example = example()},
      {.method = "GET",
       .pattern = "/api/v1/jobs",
       .tag = "jobs",
       .summary = "Jobs, the newest first",
       .response = schema_with_jobs<JobList>(),
       .function = list,
       .query = {{"limit", "How many at most: 1 to 500, otherwise 50"},
                 {"state", "Only jobs in one of these states, with commas between them",
                  domain::job_state_names()},
                 {"task", "Only jobs of the task with this id"},
                 {"client", "Only jobs of the client with this name"},
                 {"repeated", "false: only jobs that no other job runs again"},
                 {"before", "Only jobs older than the one with this id"}}},
      {.method = "GET",
       .pattern = "/api/v1/jobs/{id}",
       .tag = "jobs",
       .summary = "One job",
       .response = schema_with_jobs<JobView>(),
       .function = show},
      {.method = "GET",
       .pattern = "/api/v1/jobs/{id}/events",
       .tag = "jobs",
       .summary = "Server-Sent Events of a job; the data of each is an EventView. Types: state, "
                  "progress, preview, text, and end, which is the last one for every outcome. The "
                  "data of text is a TextEventView: a piece of the text that the job makes, to be "
                  "appended; its offset, in bytes of UTF-8, is the length of the pieces before it, "
                  "or 0 where the text starts again",
       .response = event_schema,
       .response_type = "text/event-stream",
       .function = events,
       .query = {{"after", "Only events with a greater id than this one, as Last-Event-ID"}},
       .also = {{204, "The job has ended, and its last event has been seen"}}},
      {.method = "POST",
       .pattern = "/api/v1/jobs/{id}/cancel",
       .tag = "jobs",
       .summary = "Stop a job",
       .response = schema_with_jobs<JobView>(),
       .function = cancel},
      {.method = "POST",
       .pattern = "/api/v1/jobs/{id}/retry",
       .tag = "jobs",
       .summary = "Repeat a job that has ended: a new job with the same input, seed "
                  "included",
       .response = schema_with_jobs<JobView>(),
       .success = 202,
       .function = retry,
       .submits_jobs = true},
      {.method = "POST",
       .pattern = "/api/v1/jobs/{id}/replay",
       .tag = "jobs",
       .summary = "Run a job that has ended again, as a new job with the same input: with the same "
                  "seed (\"same\") or a new one (\"new\")",
       .request = schema_of<ReplayBody>(),
       .response = schema_with_jobs<JobView>(),
       .success = 202,
       .function = replay,
       .submits_jobs = true}};
}

}  // namespace atelier::http
