// A route as data: what it answers to, what it takes and gives (for OpenAPI), and the function that
// does it. Endpoint files make these; the connection runs them. Functions throw Error; no other
// failure exists.
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

// "Answer when this job has ended": no thread waits; a client that leaves cancels the job.
struct AwaitJob {
  std::string job;
  std::function<Response(const domain::Job&)> format;  // on the pool, with a job that succeeded
};

// "Send this job's events from the one after `after`, until it has ended."
struct EventStream {
  // One line of JSON, on the I/O thread; once for all who follow the job.
  using Format = std::string (*)(const domain::JobEvent&);

  std::string job;
  std::int64_t after = 0;
  Format format = nullptr;
};

struct Later;
using Outcome = std::variant<Response, AwaitJob, EventStream, Later>;
using Next = std::function<Outcome()>;

// "Go on when this has come": `start` runs on the pool and throws, or has its argument called once,
// at once or later, from any thread. What is handed over runs on the pool then. No thread waits.
// Where the station stops, nobody takes it any more: `start` and what it calls must own what they
// use, the Service excepted.
struct Later {
  std::function<void(std::function<void(Next)> resume)> start;
};

// A query parameter as the document shows it.
struct QueryField {
  std::string name, help;
  std::vector<std::string> one_of = {};  // several of them may be given, with commas
};

// The I/O thread may only be taken for what needs microseconds: snapshots, no disk, no decoding.
enum class RunsOn { kIoThread, kPool };

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
  boost::json::value example = nullptr;  // for the document: a body that is accepted as it is
};

}  // namespace atelier::http
