#include "storage/sqlite/job_row.h"

#include <algorithm>

#include "platform/error.h"
#include "storage/sqlite/job_json.h"

namespace atelier::storage {
namespace {

constexpr int kTaskColumn = 16;
constexpr int kFailureFieldColumn = 17;
constexpr int kFinishedStepsColumn = 18;
constexpr int kRepeatOfColumn = 19;

}  // namespace

using domain::Job;
using domain::JobState;

std::string unreadable(const std::string& id, const std::string& why) {
  return "job " + id + " cannot be read from the database (" + why +
         "): it is set aside and the rest goes on; send it again";
}

Job read_row(const Statement& row) {
  Job job;
  job.id = row.text(0);
  job.client = row.text(1);
  job.repeat_of = row.text(kRepeatOfColumn);
  const auto state = domain::job_state_from_name(row.text(2));
  if (!state) throw Error(ErrorCode::kCorruptData, "job " + job.id + " has an unknown state");
  job.state = *state;
  job.priority = static_cast<int>(row.integer(3));
  job.attempt = static_cast<int>(row.integer(4));
  job.created_ms = row.integer(5);
  job.started_ms = row.integer(6);
  job.finished_ms = row.integer(7);
  job.reason = row.text(8);
  const auto task = row.text(kTaskColumn);
  job.input = read_input(task, row.text(9));
  if (const auto steps = row.text(kFinishedStepsColumn); !steps.empty()) {
    job.finished_steps = read_steps(job.input, steps);
  }
  if (const auto result = row.text(10); !result.empty()) {
    job.result = read_result(task, result);
  }
  if (job.state == JobState::kFailed) {
    job.failure = domain::JobFailure{error_code_from_name(row.text(11)), row.text(12),
                                     row.text(kFailureFieldColumn)};
  }
  job.station_crashes = static_cast<int>(row.integer(13));
  job.last_event = row.integer(14);
  job.progress.stage = row.text(2);
  if (job.state == JobState::kSucceeded) job.progress.fraction = 1;
  return job;
}

std::set<std::string> artifacts_named_in(std::string_view text) {
  constexpr std::size_t kIdLetters = 32;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::set<std::string> names;
  for (std::size_t at = 0; (at = text.find_first_of(kHex, at)) != std::string_view::npos;) {
    const auto end = std::min(text.find_first_not_of(kHex, at), text.size());
    if (end - at == kIdLetters) names.emplace(text.substr(at, kIdLetters));
    at = end;
  }
  return names;
}

}  // namespace atelier::storage
