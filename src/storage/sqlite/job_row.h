// A row of the table of jobs as a job.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "domain/jobs/job.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

inline constexpr std::string_view kJobColumns =
    "id, client, state, priority, attempt, created_ms, started_ms, finished_ms, reason, input, "
    "result, failure_code, failure_sentence, station_crashes, last_event, set_aside, task, "
    "failure_field, finished_steps, repeat_of";
inline constexpr int kPriorityColumn = 3;
inline constexpr int kSetAsideColumn = 15;  // why the row is set aside; "" is not

// From a row of these columns. Error(kCorruptData, kInvalidArgument): it cannot be read.
domain::Job read_row(const Statement& row);

// The sentence about a row that cannot be read.
std::string unreadable(const std::string& id, const std::string& why);

// All words of a text that have the form of an artifact's id.
std::set<std::string> artifacts_named_in(std::string_view text);

}  // namespace atelier::storage
