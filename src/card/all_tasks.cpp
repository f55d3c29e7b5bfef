#include "card/all_tasks.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "card/tasks/classify.h"
#include "card/tasks/enhance.h"
#include "card/tasks/generate.h"
#include "card/tasks/upscale.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/utf8.h"

// One line per task, in the order of lists.
#define ATELIER_TASKS(TASK) \
  TASK(generate)            \
  TASK(upscale)             \
  TASK(classify)            \
  TASK(enhance)

namespace atelier::card {
namespace {

boost::json::object members_of(const boost::json::value& value) {
  return value.is_object() ? value.get_object() : boost::json::object{};
}

// nullopt: the task is unknown, or the members can no longer be read.
template <class Value>
std::optional<Value> read_stored(const std::string& task, const boost::json::value& members,
                                 const char* what) {
  const auto* known = find_task(task);
  if (known == nullptr) return std::nullopt;
  try {
    return Value(*known, members_of(members));
  } catch (const Error& error) {
    platform::log_warning(std::string("stored ") + what + " of the task '" + task +
                          "' can no longer be read: " + error.what());
    return std::nullopt;
  }
}

}  // namespace

const std::vector<const TaskDescription*>& all_tasks() {
#define TASK(name) &name##_task(),
  static const std::vector<const TaskDescription*> kTasks{ATELIER_TASKS(TASK)};
#undef TASK
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
  if (auto input = read_stored<TaskInput>(task, members, "input")) return *std::move(input);
  return TaskInput::of_unknown(task, members_of(members));
}

TaskFacts stored_facts(const std::string& task, const boost::json::value& members) {
  if (auto facts = read_stored<TaskFacts>(task, members, "facts")) return *std::move(facts);
  return TaskFacts::of_unknown(members_of(members));
}

}  // namespace atelier::card
