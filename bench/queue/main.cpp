// How fast the station's queue is: a real `atelier serve` with the fake engine, over HTTP, on this
// machine. Prints a table of the figures and the bars of the project.
//
//   atelier-queue-bench [--folder build] [--fast-folder /dev/shm] [--short] [PART …]
//
//   atelier-queue-bench load PORT PATH CONNECTIONS SECONDS
//
// The second form prints the replies a second of any server on this machine. PART: accept dispatch
// urgent events idle requests; all without one. `--folder` is on the disk that a station would use;
// `--fast-folder` in memory, for figures without the time of commits. Exit status 1: a bar was
// missed.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bench/queue/http_load.h"
#include "bench/queue/run_times.h"
#include "platform/system.h"
#include "tests/api/station_process.h"

namespace atelier::bench {
namespace {

using api::StationProcess;
using std::chrono::milliseconds;

struct Options {
  std::string folder = "build", fast_folder = "/dev/shm";
  bool is_short = false;
  std::set<std::string> parts;

  double seconds(double usual) const { return is_short ? usual / 5 : usual; }
  int times(int usual) const { return is_short ? usual / 5 : usual; }
};

class Table {
 public:
  // `bar`: the most that it may be; 0: none.
  void at_most(const std::string& what, double value, const char* unit, double bar) {
    row(what, value, unit, bar > 0 ? "<=" : "", bar, bar == 0 || value <= bar);
  }
  void at_least(const std::string& what, double value, const char* unit, double bar) {
    row(what, value, unit, ">=", bar, value >= bar);
  }
  bool missed() const { return missed_; }

 private:
  void row(const std::string& what, double value, const char* unit, const char* relation,
           double bar, bool good) {
    missed_ = missed_ || !good;
    std::printf("%-78s %10.2f %-4s", what.c_str(), value, unit);
    if (bar > 0) std::printf("  %s %g  %s", relation, bar, good ? "" : "MISSED");
    std::printf("\n");
    std::fflush(stdout);
  }

  bool missed_ = false;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values[std::min(index, values.size() - 1)];
}

void print_times(Table& table, const std::string& what, const std::vector<double>& ms, double bar) {
  table.at_most(what + ", median", percentile(ms, 0.5), "ms", 0);
  table.at_most(what + ", p99 of " + std::to_string(ms.size()), percentile(ms, 0.99), "ms", bar);
}

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

double processor_seconds(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0) return 0;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code ignored;
  const auto tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, ignored)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

double megabytes(pid_t pid) {
  return static_cast<double>(platform::resident_bytes(pid)) / (1 << 20);
}

// The home of the next station lies in the folder.
StationProcess station_in(const std::string& folder, const std::string& fake) {
  std::filesystem::create_directories(folder);
  ::setenv("TMPDIR", std::filesystem::absolute(folder).c_str(), 1);
  return StationProcess(
      {.fake = fake,
       .environment = {"ATELIER_QUEUE_MAX=1000000", "ATELIER_CONNECTIONS_MAX=1200",
                       "ATELIER_HUGGINGFACE=off", "LOG_LEVEL=warning"}});
}

std::string job_body(std::uint64_t seed, int priority, int steps) {
  return R"({"task":"generate","priority":)" + std::to_string(priority) +
         R"(,"input":{"prompt":"a red circle on a blue background","width":64,"height":64,"steps":)" +
         std::to_string(steps) + R"(,"seed":)" + std::to_string(seed) + "}}";
}

std::string submit(const StationProcess& station, std::uint64_t seed, int priority, int steps) {
  const auto reply = station.ask("POST", "/api/v1/jobs", job_body(seed, priority, steps));
  if (reply.status != 202) {
    std::fprintf(stderr, "a job was refused: %s\n", reply.body.c_str());
    std::exit(1);
  }
  return std::string(boost::json::parse(reply.body).at("id").as_string());
}

void post(const StationProcess& station, const std::string& path, const std::string& body) {
  const auto reply = station.ask("POST", path, body);
  if (reply.status == 200) return;
  std::fprintf(stderr, "%s: %s\n", path.c_str(), reply.body.c_str());
  std::exit(1);
}

std::int64_t queued(const StationProcess& station) {
  std::int64_t jobs = 0;
  const auto queue = station.json("/api/v1/queue");
  for (const auto& each : queue.at("priorities").as_array()) jobs += each.at("queued").as_int64();
  return jobs + queue.at("running").as_int64();
}

LoadResult send_jobs(const StationProcess& station, double seconds, std::int64_t jobs_max,
                     int steps) {
  std::uint64_t seed = 1'000'000;
  return run_load({.port = station.port(),
                   .connections = 64,
                   .seconds = seconds,
                   .requests_max = jobs_max,
                   .status = 202,
                   .next = [&](int) {
                     return request_text(station.port(), "POST", "/api/v1/jobs",
                                         job_body(++seed, 0, steps));
                   }});
}

// Jobs that are on the disk before they are acknowledged, and what the station holds in memory when
// they have been cancelled.
void accept(const Options& options, Table& table) {
  auto station = station_in(options.folder, "step_ms=20");
  const auto before = processor_seconds(station.pid());
  const auto sent = send_jobs(station, options.seconds(20), INT64_MAX, 20);
  const auto rate = static_cast<double>(sent.replies) / sent.seconds;
  const auto used = processor_seconds(station.pid()) - before;
  table.at_least("jobs accepted durably from 64 clients", rate, "/s", 2000);
  print_times(table, "  reply to one of them", sent.ms, 0);
  table.at_most("  processor time of the station for one",
                1e6 * used / static_cast<double>(sent.replies), "us", 0);
  std::int64_t listed = queued(station);
  const auto lost = sent.replies - listed;  // some have ended
  table.at_most("  of these not queued or running now", static_cast<double>(lost), "", 0);
  table.at_most("  resident memory with them", megabytes(station.pid()), "MB", 0);
  post(station, "/api/v1/queue/cancel", "{}");
  std::this_thread::sleep_for(std::chrono::seconds(10));
  table.at_most("resident memory 10 s after the queue was emptied", megabytes(station.pid()), "MB",
                0);
}

// On a file system in memory: the database works as usual, and a commit takes no time.
void dispatch(const Options& options, Table& table) {
  const auto jobs = options.times(1000);
  const auto file = std::filesystem::path(options.fast_folder) /
                    ("atelier-run-times-" + std::to_string(::getpid()));
  auto station = station_in(options.fast_folder, "step_ms=10,times=" + file.string());
  RunTimes times(file);
  std::vector<double> from_request;
  for (int i = 1; i <= jobs / 2; ++i) {
    const auto sent = Clock::now();
    submit(station, static_cast<std::uint64_t>(i), 2, 1);
    const auto run = times.wait_for_begin(static_cast<std::uint64_t>(i), milliseconds(10'000));
    if (run) from_request.push_back(ms_between(sent, run->begin));
    std::this_thread::sleep_for(milliseconds(30));  // it has ended, and its picture is stored
  }
  print_times(table, "no commit: from the request of a job to its begin in the worker",
              from_request, 2);
  const std::uint64_t first = 10'000;
  post(station, "/api/v1/queue/pause", R"({"priority":0})");
  for (int i = 0; i < jobs; ++i) submit(station, first + static_cast<std::uint64_t>(i), 0, 3);
  post(station, "/api/v1/queue/resume", R"({"priority":0})");
  while (queued(station) > 0) std::this_thread::sleep_for(milliseconds(200));
  std::vector<RunTime> runs;
  for (const auto& [seed, run] : times.read()) {
    if (seed >= first) runs.push_back(run);
  }
  std::ranges::sort(runs, {}, &RunTime::begin);
  std::vector<double> between;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    between.push_back(ms_between(runs[i - 1].end, runs[i].begin));
  }
  print_times(table, "no commit: from the end of a run to the begin of the next one in the worker",
              between, 2);
  std::filesystem::remove(file);
}

std::vector<double> starts_of_urgent(const StationProcess& station, RunTimes& times, int count,
                                     std::uint64_t first, milliseconds pause) {
  std::vector<double> ms;
  for (int i = 0; i < count; ++i) {
    const auto seed = first + static_cast<std::uint64_t>(i);
    std::this_thread::sleep_for(pause);
    const auto sent = Clock::now();
    submit(station, seed, 3, 1);
    const auto run = times.wait_for_begin(seed, milliseconds(30'000));
    ms.push_back(run ? ms_between(sent, run->begin) : 30'000);
  }
  return ms;
}

void urgent(const Options& options, Table& table) {
  constexpr int kLongSteps = 400;  // of a background job: 2 s
  const auto file = std::filesystem::path(options.fast_folder) /
                    ("atelier-run-times-" + std::to_string(::getpid()));
  auto station = station_in(options.folder, "step_ms=5,times=" + file.string());
  RunTimes times(file);
  post(station, "/api/v1/queue/pause", R"({"priority":0})");
  const auto jobs = options.is_short ? 20'000 : 100'000;
  send_jobs(station, 600, jobs, kLongSteps);
  table.at_most("background jobs that wait", static_cast<double>(queued(station)), "", 0);
  print_times(table, "on the disk: from the request of a P3 job to its begin, one place is free",
              starts_of_urgent(station, times, options.times(100), 1, milliseconds(50)), 20);
  post(station, "/api/v1/queue/resume", R"({"priority":0})");
  std::this_thread::sleep_for(milliseconds(1000));
  print_times(table, "on the disk: from the request of a P3 job to its begin, a P0 job yields",
              starts_of_urgent(station, times, options.times(50), 1000, milliseconds(300)), 20);
  post(station, "/api/v1/queue/pause", "{}");
  std::filesystem::remove(file);
}

void events(const Options& options, Table& table) {
  constexpr int kClients = 1000;
  auto station = station_in(options.folder, "step_ms=100");
  const auto id = submit(station, 1, 2, 900);
  double before = 0;
  const auto heard =
      follow(station.port(), "/api/v1/jobs/" + id + "/events", kClients, options.seconds(30),
             [&] { before = processor_seconds(station.pid()); });
  const auto used = processor_seconds(station.pid()) - before;
  table.at_most("events a second to each of 1,000 clients of one job",
                static_cast<double>(heard.events) / heard.seconds / kClients, "", 0);
  table.at_most("  processor time of the station for them", 100 * used / heard.seconds, "%", 30);
  post(station, "/api/v1/jobs/" + id + "/cancel", "{}");
}

void idle(const Options& options, Table& table) {
  auto station = station_in(options.folder, "step_ms=5");
  submit(station, 1, 2, 1);  // it has worked
  std::this_thread::sleep_for(std::chrono::seconds(10));
  const auto children = children_of(station.pid());
  const auto all = [&] {
    return std::accumulate(children.begin(), children.end(), 0.0,
                           [](double sum, pid_t child) { return sum + processor_seconds(child); });
  };
  const auto before = processor_seconds(station.pid()), before_children = all();
  const auto seconds = options.seconds(60);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const auto used = processor_seconds(station.pid()) - before,
             used_children = all() - before_children;
  table.at_most("processor time of an idle station", 100 * used / seconds, "%", 0.5);
  table.at_most("  of its children", 100 * used_children / seconds, "%", 0);
  table.at_most("resident memory of an idle station", megabytes(station.pid()), "MB", 60);
  for (const auto child : children) {
    table.at_most("  of a child", megabytes(child), "MB", 0);
  }
}

// The rate on /v1/models alone; bench/peers/small_requests.py compares it with other servers.
void requests(const Options& options, Table& table) {
  auto station = station_in(options.folder, "step_ms=5");
  const auto text = request_text(station.port(), "GET", "/v1/models");
  const auto before = processor_seconds(station.pid());
  const auto sent = run_load(
      {.port = station.port(), .connections = 32, .seconds = options.seconds(10), .next = [&](int) {
         return text;
       }});
  const auto used = processor_seconds(station.pid()) - before;
  table.at_most("replies of /v1/models to 32 clients",
                static_cast<double>(sent.replies) / sent.seconds, "/s", 0);
  table.at_most("  processor time of the station for one",
                1e6 * used / static_cast<double>(sent.replies), "us", 0);
}

int load(int port, const std::string& path, int connections, double seconds) {
  const auto text = request_text(port, "GET", path);
  const auto sent =
      run_load({.port = port, .connections = connections, .seconds = seconds, .next = [&](int) {
                  return text;
                }});
  std::printf("%.0f\n", static_cast<double>(sent.replies) / sent.seconds);
  return 0;
}

int run(const Options& options) {
  const std::pair<const char*, void (*)(const Options&, Table&)> parts[] = {
      {"accept", accept}, {"dispatch", dispatch}, {"urgent", urgent},
      {"events", events}, {"idle", idle},         {"requests", requests}};
  Table table;
  for (const auto& [name, measure] : parts) {
    if (options.parts.empty() || options.parts.contains(name)) measure(options, table);
  }
  return table.missed() ? 1 : 0;
}

}  // namespace
}  // namespace atelier::bench

int main(int argc, char** argv) {
  atelier::platform::allow_open_files(4096);
  if (argc == 6 && std::string(argv[1]) == "load") {
    return atelier::bench::load(std::atoi(argv[2]), argv[3], std::atoi(argv[4]),
                                std::atof(argv[5]));
  }
  atelier::bench::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--folder" && i + 1 < argc) {
      options.folder = argv[++i];
    } else if (argument == "--fast-folder" && i + 1 < argc) {
      options.fast_folder = argv[++i];
    } else if (argument == "--short") {
      options.is_short = true;
    } else {
      options.parts.insert(argument);
    }
  }
  return atelier::bench::run(options);
}
