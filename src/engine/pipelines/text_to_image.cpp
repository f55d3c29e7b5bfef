// Text to image: the first latents are noise. Reference: diffusers StableDiffusionPipeline,
// StableDiffusionXLPipeline.
#include "engine/pipelines/generation_start.h"

namespace atelier::engine {

std::vector<std::int64_t> TaskContext::latent_shape() const {
  const int scale = model.facts().latent_scale();
  return {noise.pictures(), model.facts().vae.latent_channels, plan.size.made_height / scale,
          plan.size.made_width / scale};
}

std::size_t TaskContext::first_eval() const {
  return static_cast<std::size_t>(plan.first_step) *
         static_cast<std::size_t>(sampler.evals_per_step());
}

TaskStart start_text_to_image(const TaskContext& context) {
  const Tensor like =
      at::empty(context.latent_shape(), at::TensorOptions().device(context.model.device()));
  TaskStart start;
  start.latents = context.noise.normal_like(like) * context.sampler.init_noise_sigma();
  return start;
}

}  // namespace atelier::engine
