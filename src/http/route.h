// A route as data: method and path, the types of request and reply (for OpenAPI), and its function.
// Endpoint files define routes; the connection runs them. Functions throw Error and nothing else.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "domain/jobs/job.h"
#include "http/message.h"
#include "http/schema.h"
#include "scheduler/scheduler.h"

namespace atelier::http {

struct ServerSettings;
struct Route;

// What endpoint functions may use. All of it is thread-safe.
struct Service {
  scheduler::Scheduler& scheduler;
  const ServerSettings& settings;
  const std::vector<Route>& routes;
};

// What becomes of an awaited job whose client leaves.
enum class OnLeave {
  kCancel,  // no client will receive the result
  kKeep,    // the client may ask for the job again, by the key of its request
};
// Reply when this job has ended: no thread waits.
struct AwaitJob {
  std::string job;
  std::function<Response(const domain::Job&)> format;  // on the pool, with a job that succeeded
  domain::FieldNames names = {};                       // for the field of a failure
  OnLeave on_leave = OnLeave::kCancel;
};

// Send this job's events from the one after `after`, until it has ended.
struct EventStream {
  // One line of JSON, on the I/O thread; once for all clients of the job.
  using Format = std::string (*)(const domain::JobEvent&);

  std::string job;
  std::int64_t after = 0;
  Format format = nullptr;
};

struct Later;
using Outcome = std::variant<Response, AwaitJob, EventStream, Later>;
using Next = std::function<Outcome()>;

// Only functions that need microseconds may run on the I/O thread: snapshots, no disk, no decoding.
enum class RunsOn { kIoThread, kPool };

// Continue when a callback is called: `start` runs on the pool and throws, or its argument is
// called once, at once or later, from any thread. The continuation then runs on the pool, or where
// `goes_on` says, or at once where it was called at once. No thread waits. When the station stops,
// the result is dropped: `start` and its callbacks must own what they use, except the Service.
struct Later {
  std::function<void(std::function<void(Next)> resume)> start;
  RunsOn goes_on = RunsOn::kPool;
};

// A query parameter as the document shows it.
struct QueryField {
  std::string name, help;
  std::vector<std::string> one_of = {};  // several of them may be given, with commas
};

// A body with pictures may be long (ServerLimits::picture_body_bytes); all others are short.
enum class Takes { kNoPictures, kPictures };

struct Route {
  std::string method;   // "GET" also answers HEAD
  std::string pattern;  // "/api/v1/jobs/{id}"; "{path...}" takes the rest
  std::string tag;      // group in the document: "jobs"
  std::string summary;
  Schema request = {};   // none: takes no body
  Schema response = {};  // none: not JSON, see response_type
  std::string response_type = "application/json";
  int success = 200;
  RunsOn runs_on = RunsOn::kPool;
  bool in_reserve = false;  // answered even where only the reserve of connections is left
  std::function<Outcome(const Request&, Service&)> function;
  std::vector<QueryField> query = {};  // for the document
  Takes takes = Takes::kNoPictures;
  std::vector<std::pair<int, std::string>> also = {};  // for the document: other good ends
  bool submits_jobs = false;             // takes the header Idempotency-Key; for the document
  boost::json::value example = nullptr;  // for the document: a body that is accepted unchanged
};

}  // namespace atelier::http
