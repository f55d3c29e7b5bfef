#include "engine/pipelines/diffusion_model.h"

namespace atelier::engine {

DiffusionModel::DiffusionModel(Model& model)
    : denoiser_(model.capability<Denoiser>()),
      facts_(facts_of(model)),
      prompts_(denoiser_.text_encoders(), facts_.zeros_for_absent) {}

void DiffusionModel::end_job() {
  denoiser_.end_job();
  preview_.reset_job();
}

}  // namespace atelier::engine
