// Inpainting: the white part of the mask is repainted. A 9-channel UNet takes mask and masked
// picture; with a 4-channel one the rest is put back after each step. Reference: diffusers
// StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline; the order of the noise draws is
// theirs.
#include "engine/image/pixels.h"
#include "engine/pipelines/generation_start.h"
#include "engine/pipelines/latents.h"

namespace atelier::engine {
namespace {

// Every scale-th pixel, as nearest interpolation takes them.
Tensor latent_mask(const TaskContext& context, const Tensor& mask) {
  const std::int64_t scale = context.model.facts().latent_scale();
  return mask.slice(2, 0, {}, scale).slice(3, 0, {}, scale).to(context.model.device());
}

// A mask that changes nothing is probably a mistake: a warning, not an error.
void warn_of_nothing(const TaskContext& context, const Tensor& mask, TaskStart& start) {
  if (latent_mask(context, mask).any().item<bool>()) return;
  if (!mask.any().item<bool>()) {
    start.warnings.emplace_back(
        "the mask has no white part, so nothing was repainted: paint white what is to change");
    return;
  }
  const std::string cell = std::to_string(context.model.facts().latent_scale());
  start.warnings.push_back("the mask's white part is too small: it touches no cell (" + cell + "x" +
                           cell + " pixels) of the picture as the model sees it, so nothing was " +
                           "repainted: paint a larger part white");
}

TaskStart start_with_nine_channels(const TaskContext& context, const Tensor& picture,
                                   const Tensor& mask, Tiling tiling) {
  DiffusionModel& model = context.model;
  const bool from_noise = context.plan.strength >= 1;
  const Tensor like = at::empty(context.latent_shape(), at::TensorOptions().device(model.device()));
  Tensor clean;
  if (!from_noise) {
    clean =
        sample_latents(model, encode_picture(model, picture, tiling, context.check), context.noise);
  }
  const Tensor noise = context.noise.normal_like(like);
  const Tensor masked = picture * (mask < 0.5).to(at::kFloat);
  const Tensor seen =
      sample_latents(model, encode_picture(model, masked, tiling, context.check), context.noise);
  TaskStart start;
  start.latents = from_noise ? noise * context.sampler.init_noise_sigma()
                             : context.sampler.add_noise(clean, noise, context.first_eval());
  const Tensor small = latent_mask(context, mask);
  start.extra_channels = at::cat({small.expand({like.size(0), 1, -1, -1}), seen}, 1);
  return start;
}

TaskStart start_with_four_channels(const TaskContext& context, const Tensor& picture,
                                   const Tensor& mask, Tiling tiling) {
  DiffusionModel& model = context.model;
  const bool from_noise = context.plan.strength >= 1;
  const Tensor clean =
      sample_latents(model, encode_picture(model, picture, tiling, context.check), context.noise);
  const Tensor noise = context.noise.normal_like(clean);
  context.noise.normal_like(
      clean);  // the reference also draws noise for the masked picture here and drops it
  TaskStart start;
  start.latents = from_noise ? noise * context.sampler.init_noise_sigma()
                             : context.sampler.add_noise(clean, noise, context.first_eval());
  const Sampler& sampler = context.sampler;
  start.after_step = [clean, noise, small = latent_mask(context, mask), &sampler](
                         const Tensor& latents, std::size_t model_eval) {
    const bool last = model_eval + 1 == sampler.timesteps().size();
    const Tensor proper = last ? clean : sampler.add_noise(clean, noise, model_eval + 1);
    return proper * (1 - small) + latents * small;
  };
  return start;
}

}  // namespace

TaskStart start_inpaint(const TaskContext& context) {
  const Tiling tiling = context.job.input.tile_vae ? Tiling::kTiles : Tiling::kWhole;
  const Tensor picture = picture_to_tensor(context.source.picture);
  const Tensor mask = mask_to_tensor(context.source.mask);
  const bool nine = context.model.facts().inpaints_by_channels();
  TaskStart start = nine ? start_with_nine_channels(context, picture, mask, tiling)
                         : start_with_four_channels(context, picture, mask, tiling);
  warn_of_nothing(context, mask, start);
  return start;
}

}  // namespace atelier::engine
