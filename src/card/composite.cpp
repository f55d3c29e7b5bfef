#include "card/composite.h"

#include <algorithm>

namespace atelier::card {

std::vector<std::string> tasks_run_by(const TaskDescription& task) {
  if (!task.steps) return {task.id};
  std::vector<std::string> ids;
  for (const auto& step : task.steps(TaskInput(task, boost::json::object{}), {})) {
    const auto& id = step.input.task_id();
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

}  // namespace atelier::card
