#include "domain/jobs/job.h"

#include <array>
#include <utility>

namespace atelier::domain {
namespace {

constexpr std::array kStateNames{
    std::pair{JobState::kQueued, std::string_view{"queued"}},
    std::pair{JobState::kRunning, std::string_view{"running"}},
    std::pair{JobState::kSucceeded, std::string_view{"succeeded"}},
    std::pair{JobState::kFailed, std::string_view{"failed"}},
    std::pair{JobState::kCancelled, std::string_view{"cancelled"}},
};

}  // namespace

bool is_terminal(JobState state) {
  return state == JobState::kSucceeded || state == JobState::kFailed ||
         state == JobState::kCancelled;
}

bool may_become(JobState from, JobState to) {
  switch (from) {
    case JobState::kQueued:
      return to == JobState::kRunning || to == JobState::kCancelled || to == JobState::kFailed;
    case JobState::kRunning:
      return to !=
             JobState::kRunning;  // back to the queue: its worker died and it may run once more
    case JobState::kSucceeded:
    case JobState::kFailed:
    case JobState::kCancelled:
      return false;
  }
  return false;
}

std::string_view job_state_name(JobState state) {
  for (const auto& [value, name] : kStateNames) {
    if (value == state) return name;
  }
  return "queued";
}

std::vector<std::string> job_state_names() {
  std::vector<std::string> names;
  for (const auto& [value, name] : kStateNames) names.emplace_back(name);
  return names;
}

std::size_t bytes_of(const Job& job) {
  const auto& generation = job.input.generation;
  std::size_t bytes = sizeof(Job) + job.reason.size() + generation.prompt.size() +
                      generation.negative_prompt.value_or("").size();
  for (const auto& warning : job.input.warnings) bytes += warning.size();
  if (job.result) {
    bytes += job.result->used.prompt.size() + job.result->used.negative_prompt.size();
    for (const auto& warning : job.result->used.warnings) bytes += warning.size();
  }
  if (job.failure) bytes += job.failure->sentence.size();
  return bytes;
}

std::size_t bytes_of(const JobEvent& event) {
  return sizeof(JobEvent) - sizeof(Job) + event.type.size() + bytes_of(event.job);
}

std::optional<JobState> job_state_from_name(std::string_view name) {
  for (const auto& [value, known] : kStateNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace atelier::domain
