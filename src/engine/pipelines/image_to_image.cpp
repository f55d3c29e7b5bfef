// Image to image: noise is added to the picture's latents, and only the last steps are run.
// Reference: diffusers StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline.
#include "engine/image/pixels.h"
#include "engine/pipelines/generation_start.h"
#include "engine/pipelines/latents.h"

namespace atelier::engine {

TaskStart start_image_to_image(const TaskContext& context) {
  const Tiling tiling = context.job.input.tile_vae ? Tiling::kTiles : Tiling::kWhole;
  const LatentMoments moments = encode_picture(
      context.model, picture_to_tensor(context.source.picture), tiling, context.check);
  const Tensor clean = sample_latents(context.model, moments, context.noise);
  const Tensor noise = context.noise.normal_like(clean);
  TaskStart start;
  start.latents = context.sampler.add_noise(clean, noise, context.first_eval());
  return start;
}

}  // namespace atelier::engine
