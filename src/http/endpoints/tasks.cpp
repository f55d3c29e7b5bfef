// GET /api/v1/tasks: the tasks with the data for their forms.
#include <algorithm>

#include "card/all_tasks.h"
#include "card/composite.h"
#include "card/model_card_json.h"
#include "card/standard_rows.h"
#include "http/endpoints/json_reply.h"
#include "http/route.h"

namespace atelier::http {

struct AttachmentView {
  std::string role;  // the member of `input` that carries it
  std::string title, media;
  bool required = false;
};
BOOST_DESCRIBE_STRUCT(AttachmentView, (), (role, title, media, required))

struct TaskView {
  std::string id, title, summary;
  bool available = false;  // the worker runs it, or all of its steps, and usable models serve them
  std::vector<card::Parameter> parameters;
  std::vector<AttachmentView> attachments;
  std::vector<std::string> outputs;  // kinds of outputs
  bool previews = false;             // pictures of work in progress
  bool streams_text = false;         // text events while the job runs
  std::string default_model;         // id of the model that a request without one gets; "": none
};
BOOST_DESCRIBE_STRUCT(TaskView, (),
                      (id, title, summary, available, parameters, attachments, outputs, previews,
                       streams_text, default_model))

struct TaskList {
  std::vector<TaskView> tasks;
};
BOOST_DESCRIBE_STRUCT(TaskList, (), (tasks))

namespace {

bool is_served(const std::string& task, const scheduler::StationStatus& status,
               const scheduler::ModelList& installed) {
  const bool runs = std::ranges::find(status.tasks, task) != status.tasks.end();
  return runs && std::ranges::any_of(*installed.models, [&](const domain::InstalledModel& model) {
           return model.problem.empty() && card::served(model.card, task) != nullptr;
         });
}

TaskView view_of(const card::TaskDescription& task, const scheduler::StationStatus& status) {
  TaskView view{.id = task.id,
                .title = task.title,
                .summary = task.summary,
                .parameters = card::offered(task.parameters, status.dtypes),
                .attachments = {},
                .outputs = task.outputs,
                .previews = task.previews,
                .streams_text = task.streams_text,
                .default_model = ""};
  const auto model = status.default_models.find(task.id);
  if (model != status.default_models.end()) view.default_model = model->second;
  for (const auto& each : task.attachments) {
    view.attachments.push_back({each.role, each.title, each.media, each.required});
  }
  return view;
}

Outcome list_tasks(const Request&, Service& service) {
  const auto status = service.scheduler.status();
  const auto installed = service.scheduler.models();
  TaskList list;
  for (const auto* task : card::all_tasks()) {
    list.tasks.push_back(view_of(*task, status));
    list.tasks.back().available = std::ranges::all_of(
        card::tasks_run_by(*task),
        [&](const std::string& id) { return is_served(id, status, installed); });
  }
  return json_reply(list);
}

}  // namespace

std::vector<Route> task_routes() {
  return {{.method = "GET",
           .pattern = "/api/v1/tasks",
           .tag = "jobs",
           .summary = "Tasks with their parameters, attachments and outputs",
           .response = schema_of<TaskList>(),
           .runs_on = RunsOn::kIoThread,
           .function = list_tasks}};
}

}  // namespace atelier::http
