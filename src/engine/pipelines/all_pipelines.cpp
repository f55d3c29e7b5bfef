#include "engine/pipelines/all_pipelines.h"

#include <algorithm>
#include <utility>

#include "engine/models/all_models.h"
#include "platform/error.h"
#include "platform/utf8.h"

// One line per task.
#define ATELIER_PIPELINES(PIPELINE) \
  PIPELINE(generate)                \
  PIPELINE(upscale)                 \
  PIPELINE(classify)

namespace atelier::engine {

#define PIPELINE(name) Pipeline name##_pipeline();
ATELIER_PIPELINES(PIPELINE)
#undef PIPELINE

const std::vector<Pipeline>& all_pipelines() {
#define PIPELINE(name) name##_pipeline(),
  static const std::vector<Pipeline> kPipelines = {ATELIER_PIPELINES(PIPELINE)};
#undef PIPELINE
  return kPipelines;
}

card::ModelCard describe_model(const DetectedModel& detected) {
  const c10::InferenceMode inference;
  load_model(detected, {.bind = {.device = at::kMeta}});
  card::ModelCard card = detected.card;
  for (const Pipeline& pipeline : all_pipelines()) {
    if (auto served = pipeline.serve(detected)) card.tasks.push_back(std::move(*served));
  }
  return card;
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

const ModelFiles& model_of(const RunRequest& request) {
  const std::string role(card::kModelMember);
  const auto found = request.models.find(role);
  if (found != request.models.end()) return found->second;
  throw Error(ErrorCode::kInvalidArgument, role,
              "the request names no model for the role '" + role + "'");
}

std::optional<media::Image> take_attachment(RunRequest& request, const std::string& role) {
  auto frames = take_frames(request, role);
  if (frames.empty()) return std::nullopt;
  return std::move(frames.front().image);
}

std::vector<media::Frame> take_frames(RunRequest& request, const std::string& role) {
  const auto found = request.attachments.find(role);
  if (found == request.attachments.end()) return {};
  return std::move(found->second);
}

}  // namespace atelier::engine
