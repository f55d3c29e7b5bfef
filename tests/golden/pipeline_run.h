// Runs a task's pipeline in a test as the engine does, without its residency: the model is loaded
// for the run. Test code.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/models/all_models.h"
#include "engine/pipelines/all_pipelines.h"
#include "platform/error.h"

namespace atelier::engine {

// Records the progress of a run and cancels it after so many steps.
class RecordingObserver final : public JobObserver {
 public:
  void on_progress(const card::Progress& progress) override { seen.push_back(progress); }
  void on_preview(const media::Image&) override {}
  bool cancelled() override {
    ++polls;
    return polls == cancel_at_poll || (cancel_after && seen.size() >= *cancel_after);
  }

  std::vector<card::Progress> seen;
  std::optional<std::size_t> cancel_after;
  int polls = 0, cancel_at_poll = 0;
};

class LoadingContext final : public PipelineContext {
 public:
  explicit LoadingContext(JobObserver& observer) : observer_(observer) {}
  JobObserver& observer() override { return observer_; }
  Model& load(const ModelFiles& files, const ComputeOptions& options,
              const std::function<void(const DetectedModel&)>& check) override {
    const DetectedModel detected = detect_model(CheckpointFiles(files.path, files.id));
    check(detected);
    const at::ScalarType dtype = options.dtype == "bf16" ? at::kBFloat16 : at::kFloat;
    model_ = load_model(detected, {.bind = {.dtype = dtype}});
    return *model_;
  }

 private:
  JobObserver& observer_;
  std::unique_ptr<Model> model_;
};

inline RunResult run_pipeline(RunRequest request, JobObserver& observer) {
  LoadingContext context(observer);
  const Pipeline& pipeline = pipeline_of(request.task);
  return pipeline.run(std::move(request), context);
}

}  // namespace atelier::engine
