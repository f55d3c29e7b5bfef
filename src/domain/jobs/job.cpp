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

// Of the texts, which are what may be long; numbers are counted as a constant.
std::size_t bytes_of(const boost::json::value& value) {
  std::size_t bytes = sizeof(value);
  if (const auto* text = value.if_string()) return bytes + text->size();
  if (const auto* list = value.if_array()) {
    for (const auto& each : *list) bytes += bytes_of(each);
  }
  if (const auto* object = value.if_object()) {
    for (const auto& [key, each] : *object) bytes += key.size() + bytes_of(each);
  }
  return bytes;
}

// The struct has the same texts as the JSON beside it. Copies of a value share both.
std::size_t bytes_of(const card::TaskValue& value) {
  std::size_t bytes = 0;
  for (const auto& [key, each] : value.members()) bytes += key.size() + 2 * bytes_of(each);
  return bytes;
}

std::size_t bytes_of(const JobResult& result) {
  std::size_t bytes = bytes_of(result.used);
  for (const auto& output : result.outputs) bytes += bytes_of(output.value);
  return bytes;
}

}  // namespace

bool is_terminal(JobState state) {
  return state == JobState::kSucceeded || state == JobState::kFailed ||
         state == JobState::kCancelled;
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

std::vector<std::string> JobResult::artifacts() const {
  std::vector<std::string> ids;
  for (const auto& output : outputs) {
    if (!output.artifact.empty()) ids.push_back(output.artifact);
  }
  return ids;
}

std::size_t bytes_of(const Job& job) {
  std::size_t bytes =
      sizeof(Job) + job.reason.size() + job.progress.text.size() + bytes_of(job.input.parameters);
  for (const auto& warning : job.input.warnings) bytes += warning.size();
  for (const auto& step : job.input.steps) bytes += sizeof(step) + bytes_of(step.input);
  for (const auto& result : job.finished_steps) bytes += bytes_of(result);
  if (job.result) bytes += bytes_of(*job.result);
  if (job.failure) bytes += job.failure->sentence.size() + job.failure->field.size();
  return bytes;
}

std::size_t bytes_of(const JobEvent& event) {
  return sizeof(JobEvent) - sizeof(Job) + event.type.size() + event.text.size() +
         bytes_of(event.job);
}

bool is_superseded(const JobEvent& event) {
  return event.type == "progress" || event.type == "preview";
}

std::optional<JobState> job_state_from_name(std::string_view name) {
  for (const auto& [value, known] : kStateNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace atelier::domain
