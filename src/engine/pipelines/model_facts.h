// The facts of a Denoiser that planning a job needs: its defaults, its scheduler's configuration.
// Job thread. Throws kCorruptData for values of the wrong kind.
#pragma once

#include <string>

#include "engine/models/all_models.h"
#include "engine/models/denoiser.h"
#include "engine/samplers/scheduler_file.h"

namespace atelier::engine {

struct ModelFacts : DenoiserFacts {
  std::string id, title, hash;
  int native_width = 512, native_height = 512;
  SchedulerFile scheduler;

  bool inpaints_by_channels() const { return in_channels == 2 * vae.latent_channels + 1; }
  int latent_scale() const { return static_cast<int>(vae.scale()); }
};

// Throw kUnsupported when the model has no Denoiser.
ModelFacts facts_of(Model& model);
ModelFacts facts_of(const DetectedModel& model);

}  // namespace atelier::engine
