#include "engine/pipelines/diffusion_model.h"

namespace atelier::engine {

DiffusionModel::DiffusionModel(Model& model)
    : denoiser_(model.capability<Denoiser>()),
      facts_(facts_of(model)),
      prompts_(denoiser_.text_encoders(), facts_.zeros_for_absent) {}

void DiffusionModel::begin_job() {
  const std::scoped_lock lock(jobs_mutex_);
  ++jobs_;
}

void DiffusionModel::end_job() {
  const std::scoped_lock lock(jobs_mutex_);
  if (--jobs_ == 0) denoiser_.end_job();
}

}  // namespace atelier::engine
