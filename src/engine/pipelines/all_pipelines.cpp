#include "engine/pipelines/all_pipelines.h"

#include <algorithm>

#include "card/tasks/generate.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {

const std::vector<Pipeline>& all_pipelines() {
  static const std::vector<Pipeline> kPipelines{
      {card::generate_task().id, "making a picture", run_generate},
  };
  return kPipelines;
}

const Pipeline& pipeline_of(const std::string& task) {
  const auto found = std::ranges::find(all_pipelines(), task, &Pipeline::task);
  if (found != all_pipelines().end()) return *found;
  std::string known;
  for (const Pipeline& pipeline : all_pipelines()) {
    known += (known.empty() ? "" : ", ") + pipeline.task;
  }
  throw Error(ErrorCode::kUnsupported, "task",
              "this engine does not run the task '" + platform::cut(task, 40) +
                  "': choose one of " + known);
}

const ModelFiles& model_of(const RunRequest& request, const std::string& role) {
  const auto found = request.models.find(role);
  if (found != request.models.end()) return found->second;
  throw Error(ErrorCode::kInvalidArgument, role,
              "the request names no model for the role '" + role + "'");
}

}  // namespace atelier::engine
