// How the engine carries out one task: a few functions, listed in all_pipelines.cpp. Called from a
// job thread. Throws what its parts throw; kCancelled when the observer reports a cancellation.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "card/model_card.h"
#include "engine/interface.h"
#include "engine/models/model_family.h"

namespace atelier::engine {

// How a model computes.
struct ComputeOptions {
  std::string dtype;     // "": the fastest of the device; "fp32", "bf16", "fp16"
  bool precise = false;  // without the fast algorithms that change the numbers slightly
};

// What the engine provides to a pipeline while it runs one request.
class PipelineContext {
 public:
  virtual ~PipelineContext() = default;
  virtual JobObserver& observer() = 0;
  // The model in memory. It is loaded first where it is not there yet; before anything is loaded or
  // evicted, `check` receives the facts of the files, and throws for a request that this model
  // cannot run. Valid until the run ends.
  virtual Model& load(const ModelFiles& files, const ComputeOptions& options,
                      const std::function<void(const DetectedModel&)>& check) = 0;
};

struct Pipeline {
  std::string task;   // id
  std::string doing;  // for sentences about a failure: "making a picture"
  RunResult (*run)(RunRequest request, PipelineContext& context) = nullptr;
  // The task's rows as the model takes them; nullopt: the model cannot serve the task. Throws what
  // the first job with the model would throw.
  std::optional<card::ServedTask> (*serve)(const DetectedModel& model) = nullptr;
};

// Throws kInvalidArgument when the request names no model.
const ModelFiles& model_of(const RunRequest& request);

// Move the picture of that role out of the request, or all of its frames; nullopt, empty: there is
// none.
std::optional<media::Image> take_attachment(RunRequest& request, const std::string& role);
std::vector<media::Frame> take_frames(RunRequest& request, const std::string& role);

}  // namespace atelier::engine
