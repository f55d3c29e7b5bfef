// One generation job from plan to pictures. Job thread. Throws what its parts throw; kCancelled
// when the observer reports a cancellation.
#pragma once

#include "engine/pipelines/diffusion_model.h"
#include "engine/pipelines/generate_job.h"

namespace atelier::engine {

// `load_ms` is the time of loading the model, for the report. `final_latents`, when given,
// receives what was decoded, [pictures, channels, h, w].
GenerateResult generate_pictures(DiffusionModel& model, const GenerateJob& job,
                                 JobObserver& observer, double load_ms,
                                 Tensor* final_latents = nullptr);

}  // namespace atelier::engine
