// How the engine carries out one task: a function, listed in all_pipelines.cpp. Called by
// Engine::run from a job thread. Throws what its parts throw; kCancelled when the observer says so.
#pragma once

#include <functional>
#include <string>

#include "engine/interface.h"
#include "engine/pipelines/diffusion_model.h"

namespace atelier::engine {

// How a model computes.
struct LoadOptions {
  std::string dtype;     // "": the fastest of the device; "fp32", "bf16", "fp16"
  bool precise = false;  // without the fast algorithms that change the numbers slightly
};

// What the engine provides to a pipeline while it runs one request.
class PipelineContext {
 public:
  virtual ~PipelineContext() = default;
  virtual JobObserver& observer() = 0;
  // The model in memory. It is loaded first where it is not there yet; before anything is loaded
  // or evicted, `check` receives what its files say, and throws for a request that this model
  // cannot run. Valid until the run ends.
  virtual DiffusionModel& load(const ModelFiles& files, const LoadOptions& options,
                               const std::function<void(const ModelFacts&)>& check) = 0;
};

struct Pipeline {
  std::string task;   // id
  std::string doing;  // for sentences about a failure: "making a picture"
  RunResult (*run)(RunRequest request, PipelineContext& context) = nullptr;
};

// Throws kInvalidArgument when the request names no model of this role.
const ModelFiles& model_of(const RunRequest& request, const std::string& role = "model");

}  // namespace atelier::engine
