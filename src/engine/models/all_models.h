// The list of model families. Job thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/models/model_family.h"

namespace atelier::engine {

const std::vector<ModelFamily>& all_models();

// The one family that recognises the files. Throws what detect() throws, kUnsupported with what the
// files are (as far as it can be seen) when no family recognises them, and kInternal when several
// do.
DetectedModel detect_model(const CheckpointFiles& files,
                           std::span<const ModelFamily> families = all_models());

// Throws as ModelFamily::load.
std::unique_ptr<Model> load_model(const DetectedModel& model, const LoadOptions& options);

}  // namespace atelier::engine
