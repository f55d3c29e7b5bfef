// The tasks of this program. Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "card/task.h"

namespace atelier::card {

// In the order in which they are listed; built at the first call.
const std::vector<const TaskDescription*>& all_tasks();

const TaskDescription* find_task(std::string_view id);  // null: unknown
// Throws kInvalidArgument with the field "task" and the known ids.
const TaskDescription& task_named(std::string_view id);

// As it was stored or sent: an unknown task, or members that can no longer be read, give an input
// that is shown and never run.
TaskInput stored_input(const std::string& task, const boost::json::value& members);
TaskFacts stored_facts(const std::string& task, const boost::json::value& members);

}  // namespace atelier::card
