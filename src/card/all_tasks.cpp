#include "card/all_tasks.h"

#include <algorithm>

#include "card/tasks/generate.h"
#include "card/tasks/upscale.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/utf8.h"

namespace atelier::card {
namespace {

boost::json::object members_of(const boost::json::value& value) {
  return value.is_object() ? value.get_object() : boost::json::object{};
}

}  // namespace

const std::vector<const TaskDescription*>& all_tasks() {
  static const std::vector<const TaskDescription*> kTasks{
      &generate_task(),
      &upscale_task(),
  };
  return kTasks;
}

const TaskDescription* find_task(std::string_view id) {
  const auto& tasks = all_tasks();
  const auto found =
      std::ranges::find_if(tasks, [id](const TaskDescription* task) { return task->id == id; });
  return found == tasks.end() ? nullptr : *found;
}

const TaskDescription& task_named(std::string_view id) {
  if (const auto* task = find_task(id)) return *task;
  std::string known;
  for (const auto* task : all_tasks()) known += (known.empty() ? "" : ", ") + task->id;
  throw Error(ErrorCode::kInvalidArgument, "task",
              "unknown task '" + platform::cut(id, 40) + "': choose one of " + known);
}

TaskInput stored_input(const std::string& task, const boost::json::value& members) {
  if (const auto* known = find_task(task)) {
    try {
      return TaskInput(*known, members_of(members));
    } catch (const Error& error) {
      platform::log_warning("a stored input of the task '" + task +
                            "' cannot be read any more: " + error.what());
    }
  }
  return TaskInput::of_unknown(task, members_of(members));
}

TaskFacts stored_facts(const std::string& task, const boost::json::value& members) {
  if (const auto* known = find_task(task)) {
    try {
      return TaskFacts(*known, members);
    } catch (const Error& error) {
      platform::log_warning("stored facts of the task '" + task +
                            "' cannot be read any more: " + error.what());
    }
  }
  return TaskFacts::of_unknown(members_of(members));
}

}  // namespace atelier::card
