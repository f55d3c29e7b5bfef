// `atelier jobs …`: requests to the running station, whose queue they change.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/station_api.h"
#include "http/endpoints/job_view.h"
#include "json/describe.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/utf8.h"

namespace atelier::app {

struct SeenPriority {
  int priority = 0, queued = 0, queued_max = 0;
  bool paused = false;
};
BOOST_DESCRIBE_STRUCT(SeenPriority, (), (priority, queued, queued_max, paused))

struct SeenQueue {
  std::vector<SeenPriority> priorities;
  int running = 0;
};
BOOST_DESCRIBE_STRUCT(SeenQueue, (), (priorities, running))

struct SeenJobs {
  std::vector<http::JobView> jobs;
};
BOOST_DESCRIBE_STRUCT(SeenJobs, (), (jobs))

struct SeenCancelled {
  int cancelled = 0;
};
BOOST_DESCRIBE_STRUCT(SeenCancelled, (), (cancelled))

struct SeenRefusal {
  std::string id, detail;
};
BOOST_DESCRIBE_STRUCT(SeenRefusal, (), (id, detail))

struct SeenRetried {
  std::vector<std::string> jobs;
  std::vector<SeenRefusal> refused;
};
BOOST_DESCRIBE_STRUCT(SeenRetried, (), (jobs, refused))

namespace {

namespace bj = boost::json;

constexpr std::size_t kShownMax = 60;
// How the station's fields are called on the command line.
const domain::FieldNames& names() {
  static const domain::FieldNames names{.prefix = "--",
                                        .names = {{"seed", "--new-seed"}, {"state", "--state"}}};
  return names;
}

void print_line(const std::string& text) {
  std::printf("%s\n", platform::without_control_characters(text).c_str());
}

class Api {
 public:
  explicit Api(const domain::Settings& settings) : client_(find_station_api(settings)) {
    if (client_) return;
    throw Error(ErrorCode::kNotFound, "no station runs on the home folder '" + settings.home +
                                          "': start one with `atelier serve`");
  }
  template <class T>
  T get(const std::string& path) {
    return json::read_json<T>(checked(client_->get(path), client_->url(), names()));
  }
  template <class T>
  T post(const std::string& path, const bj::object& body = {}) {
    std::string text;
    json::append_value(text, body);
    return json::read_json<T>(checked(client_->post(path, text), client_->url(), names()));
  }

 private:
  std::unique_ptr<HttpClient> client_;
};

// Ids become parts of a path.
std::string path_of(const std::string& id, const std::string& action) {
  const bool is_id = !id.empty() && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  });
  if (!is_id) {
    throw Error(ErrorCode::kInvalidArgument, "jobs",
                "'" + platform::cut(id, kShownMax) + "' is not the id of a job");
  }
  return "/api/v1/jobs/" + id + "/" + action;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += kDigits[byte >> 4U];
    result += kDigits[byte & 15U];
  }
  return result;
}

bool has_filter(const JobsCommand& command) {
  return command.all || command.priority || !command.client.empty() || !command.task.empty();
}

// Which jobs are meant has to be said: a filter that is missing would mean all of them.
void check_choice(const JobsCommand& command) {
  if (has_filter(command) != command.ids.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument, "",
        "name jobs by their ids, or choose them with --client, --task, --priority or --all");
  }
}

bj::object filter_of(const JobsCommand& command) {
  bj::object filter;
  if (!command.client.empty()) filter["client"] = command.client;
  if (!command.task.empty()) filter["task"] = command.task;
  if (command.priority) filter["priority"] = *command.priority;
  return filter;
}

const char* name_of(int priority) {
  switch (priority) {
    case 3:
      return "immediate";
    case 2:
      return "interactive";
    case 1:
      return "preload";
    default:
      return "background";
  }
}

int set_paused(const domain::Settings& settings, const JobsCommand& command,
               const std::string& path) {
  bj::object body;
  if (command.priority) body["priority"] = *command.priority;
  const auto queue = Api(settings).post<SeenQueue>(path, body);
  for (const auto& each : queue.priorities) {
    std::printf("%d %-11s %d of %d waiting%s\n", each.priority, name_of(each.priority), each.queued,
                each.queued_max, each.paused ? ", paused" : "");
  }
  return 0;
}

void print_repeated(const std::string& id, const std::string& again) {
  print_line("job " + id + " runs again as " + again);
}

}  // namespace

int list_jobs(const domain::Settings& settings, const JobsCommand& command) {
  std::string query = "?limit=" + std::to_string(command.limit);
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query += std::string("&") + name + "=" + encoded(value);
  };
  add("state", command.state);
  add("client", command.client);
  add("task", command.task);
  for (const auto& job : Api(settings).get<SeenJobs>("/api/v1/jobs" + query).jobs) {
    std::string line = job.id + "  " + job.state + "  " + std::to_string(job.priority) + "  " +
                       job.task + "  " + job.client;
    if (job.failure) line += "  " + job.failure->sentence;
    print_line(line);
  }
  return 0;
}

int pause_jobs(const domain::Settings& settings, const JobsCommand& command) {
  return set_paused(settings, command, "/api/v1/queue/pause");
}

int resume_jobs(const domain::Settings& settings, const JobsCommand& command) {
  return set_paused(settings, command, "/api/v1/queue/resume");
}

int cancel_jobs(const domain::Settings& settings, const JobsCommand& command) {
  check_choice(command);
  Api api(settings);
  for (const auto& id : command.ids) {
    const auto job = api.post<http::JobView>(path_of(id, "cancel"));
    print_line("job " + job.id + " is " + (job.state == "running" ? "being cancelled" : job.state));
  }
  if (has_filter(command)) {
    const auto reply = api.post<SeenCancelled>("/api/v1/queue/cancel", filter_of(command));
    std::printf("%d waiting jobs were cancelled\n", reply.cancelled);
  }
  return 0;
}

int retry_jobs(const domain::Settings& settings, const JobsCommand& command) {
  check_choice(command);
  Api api(settings);
  for (const auto& id : command.ids) {
    print_repeated(id, api.post<http::JobView>(path_of(id, "retry")).id);
  }
  if (!has_filter(command)) return 0;
  auto body = filter_of(command);
  body["state"] = command.cancelled ? "cancelled" : "failed";
  const auto reply = api.post<SeenRetried>("/api/v1/queue/retry", body);
  std::printf("%zu jobs run again\n", reply.jobs.size());
  for (const auto& each : reply.refused) {
    std::fprintf(
        stderr, "%s\n",
        platform::without_control_characters("job " + each.id + " is not run again: " + each.detail)
            .c_str());
  }
  return reply.refused.empty() ? 0 : kExitFailed;
}

int replay_job(const domain::Settings& settings, const JobsCommand& command) {
  const bj::object body{{"seed", command.new_seed ? "new" : "same"}};
  Api api(settings);
  for (const auto& id : command.ids) {
    print_repeated(id, api.post<http::JobView>(path_of(id, "replay"), body).id);
  }
  return 0;
}

int move_jobs_to_front(const domain::Settings& settings, const JobsCommand& command) {
  Api api(settings);
  for (const auto& id : command.ids) {
    api.post<http::JobView>(path_of(id, "front"));
    print_line("job " + id + " is the first one of its priority");
  }
  return 0;
}

int set_job_priority(const domain::Settings& settings, const JobsCommand& command) {
  Api api(settings);
  for (const auto& id : command.ids) {
    const bj::object body{{"priority", command.priority.value_or(0)}};
    const auto job = api.post<http::JobView>(path_of(id, "priority"), body);
    print_line("job " + id + " waits with priority " + std::to_string(job.priority) + " (" +
               name_of(job.priority) + ")");
  }
  return 0;
}

}  // namespace atelier::app
