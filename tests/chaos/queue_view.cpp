#include "queue_view.h"

#include <algorithm>
#include <array>

#include "json_fields.h"
#include "processes.h"

namespace atelier::chaos {
namespace {

constexpr std::size_t kWorkers = 2, kDecodersMax = 2;

// A composite job that waits for its next step, one that is suspended.
bool holds_nothing(const bj::value& running) {
  return text_at(field(running, "progress"), "stage") == "queued" ||
         text_at(running, "reason").starts_with("suspended");
}

std::string problem_of_workers(StationLife& station) {
  const auto status = station.json("/api/v1/status");
  const auto& workers = list_at(status, "workers");
  if (workers.size() != kWorkers) return std::to_string(workers.size()) + " workers";
  for (const auto& worker : workers) {
    const auto state = text_at(worker, "state");
    if (state != "idle") return "worker " + text_at(worker, "name") + " is " + state;
  }
  return "";
}

std::string problem_of_children(StationLife& station) {
  std::size_t workers = 0, decoders = 0;
  std::string others;
  for (const auto& child : children_of(station.pid())) {
    if (child.state == 'Z') others += " zombie";
    if (child.name == "atelier-worker") {
      ++workers;
    } else if (child.name == "atelier-media") {
      ++decoders;
    } else {
      others += " " + child.name;
    }
  }
  if (workers == kWorkers && decoders <= kDecodersMax && others.empty()) return "";
  return "its processes are " + std::to_string(workers) + " workers, " + std::to_string(decoders) +
         " decoders and" + others;
}

}  // namespace

std::vector<bj::value> listed(StationLife& station, const std::string& query) {
  std::vector<bj::value> jobs;
  std::string before;
  do {
    const auto page = station.json("/api/v1/jobs?limit=500" + (query.empty() ? "" : "&" + query) +
                                   (before.empty() ? "" : "&before=" + before));
    for (const auto& job : list_at(page, "jobs")) jobs.push_back(job);
    before = text_at(page, "next");
  } while (!before.empty());
  return jobs;
}

std::string why_not_at_rest(StationLife& station) {
  auto problem = problem_of_workers(station);
  if (!problem.empty()) return problem;
  const auto queue = station.json("/api/v1/queue");
  const auto queued = listed(station, "state=queued"), running = listed(station, "state=running");
  if (queue != station.json("/api/v1/queue")) return "the queue changes";
  for (const auto& job : running) {
    if (holds_nothing(job)) continue;
    return "job " + text_at(job, "id") + " runs: " + bj::serialize(field(job, "progress"));
  }
  std::array<std::int64_t, 4> by_priority{};
  for (const auto& job : queued)
    ++by_priority.at(static_cast<std::size_t>(number_at(job, "priority")));
  for (const auto& each : list_at(queue, "priorities")) {
    const auto priority = number_at(each, "priority"), count = number_at(each, "queued");
    const auto found = by_priority.at(static_cast<std::size_t>(priority));
    if (count == found) continue;
    return "the queue counts " + std::to_string(count) + " jobs of priority " +
           std::to_string(priority) + ", and the list has " + std::to_string(found);
  }
  if (number_at(queue, "running") != std::ssize(running)) {
    return "the queue counts " + std::to_string(number_at(queue, "running")) +
           " running jobs, and the list has " + std::to_string(running.size());
  }
  return problem_of_children(station);
}

}  // namespace atelier::chaos
