// Image to image: the picture's latents with noise on top, and the last part of the steps.
// Reference: diffusers StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline.
#include "engine/image/pixels.h"
#include "engine/pipelines/latents.h"
#include "engine/pipelines/task.h"
#include "media/image/convert.h"
#include "media/image/fit.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

media::Fit fit_of(card::FitMode mode) {
  switch (mode) {
    case card::FitMode::kCover:
      return media::Fit::kCover;
    case card::FitMode::kContain:
      return media::Fit::kContain;
    case card::FitMode::kStretch:
      break;
  }
  return media::Fit::kStretch;
}

}  // namespace

Tensor source_picture(const TaskContext& context) {
  CHECK(context.job.image);  // plan_job() calls nothing else image to image

  constexpr std::uint8_t kMidGrey = 128;  // around a contained picture
  // A photograph may have 200 million pixels: it is not copied without need, and a cancellation is
  // seen between its rows.
  const media::Image& sent = *context.job.image;
  const media::Image rgb = sent.channels == 3 ? media::Image{} : media::to_rgb(sent);
  return picture_to_tensor(media::fitted(
      sent.channels == 3 ? sent : rgb, context.plan.size.made_width, context.plan.size.made_height,
      fit_of(context.job.input.fit), media::Filter::kLanczos, kMidGrey, context.check));
}

TaskStart start_image_to_image(TaskContext& context) {
  const Tiling tiling = context.job.input.tile_vae ? Tiling::kTiles : Tiling::kWhole;
  const LatentMoments moments =
      encode_picture(context.model, source_picture(context), tiling, context.check);
  const Tensor clean = sample_latents(context.model, moments, context.noise);
  const Tensor noise = context.noise.normal_like(clean);
  return {context.sampler.add_noise(clean, noise, context.first_call()), {}, {}};
}

}  // namespace atelier::engine
