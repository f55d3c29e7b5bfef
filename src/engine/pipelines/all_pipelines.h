// The list of pipelines. Adding one: a file with its function, a declaration here, a line in
// all_pipelines.cpp. Any thread.
#pragma once

#include <string>
#include <vector>

#include "engine/pipelines/pipeline.h"

namespace atelier::engine {

RunResult run_generate(RunRequest request, PipelineContext& context);

const std::vector<Pipeline>& all_pipelines();
// Throws kUnsupported for a task that has no pipeline.
const Pipeline& pipeline_of(const std::string& task);

}  // namespace atelier::engine
