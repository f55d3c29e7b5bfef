// The list of pipelines. Adding one: a file with its functions and a line in all_pipelines.cpp. Any
// thread.
#pragma once

#include <string>
#include <vector>

#include "engine/models/model_family.h"
#include "engine/pipelines/pipeline.h"

namespace atelier::engine {

const std::vector<Pipeline>& all_pipelines();
// Throws kUnsupported for a task that has no pipeline.
const Pipeline& pipeline_of(const std::string& task);

// The card of a model, with the tasks that it serves. Throws the errors of loading the model and of
// its first job that can be found from headers and configurations.
card::ModelCard describe_model(const DetectedModel& detected);

}  // namespace atelier::engine
