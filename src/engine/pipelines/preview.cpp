#include "engine/pipelines/preview.h"

#include <algorithm>
#include <utility>

#include "engine/image/pixels.h"
#include "engine/tensor/random.h"
#include "media/image/resample.h"

namespace atelier::engine {
namespace {

constexpr int kPreviewSideMin = 128;
// Decoders up to this width and latents up to this area decode in a few dozen milliseconds.
constexpr std::int64_t kSmallDecoderWidth = 64, kSmallLatentArea = 32 * 32;
constexpr std::int64_t kFitSide = 16;

bool cheap(const AutoencoderKl& vae, const Tensor& latents) {
  return vae.config().block_out_channels.front() <= kSmallDecoderWidth &&
         latents.size(2) * latents.size(3) <= kSmallLatentArea;
}

Tensor unscaled(const Tensor& latents, const AutoencoderKl& vae) {
  return latents / vae.config().scaling_factor + vae.config().shift_factor;
}

// [1, channels, h, w] to [h * w, channels + 1], the last column 1.
Tensor rows_of(const Tensor& latents) {
  const Tensor rows = latents[0].flatten(1).t();
  return at::cat({rows, at::ones({rows.size(0), 1})}, 1);
}

}  // namespace

LatentPreview::Samples LatentPreview::sample(const Tensor& latents, const AutoencoderKl& vae,
                                             at::Device device) {
  const Tensor picture = vae.decode(unscaled(latents, vae).to(device)).to(at::kCPU, at::kFloat);
  return {rows_of(latents),
          at::adaptive_avg_pool2d(picture, {kFitSide, kFitSide})[0].flatten(1).t()};
}

// Least squares. The samples are the latents at hand, shrunk, and noise of two grain sizes, so that
// no colour is missing.
LatentPreview::Fit LatentPreview::fitted(const AutoencoderKl& vae, const Tensor& latents) {
  const std::int64_t channels = latents.size(1);
  if (always_.empty()) {
    std::vector<Samples> made;
    Generator generator(0);
    const Tensor fine = generator.normal({1, channels, kFitSide, kFitSide});
    const Tensor coarse = at::upsample_nearest2d(
        generator.normal({1, channels, kFitSide / 4, kFitSide / 4}), {kFitSide, kFitSide});
    for (const Tensor& noise : {coarse, (fine + coarse) * 0.7}) {
      made.push_back(sample(noise, vae, latents.device()));
    }
    always_ = std::move(made);  // whole: the run may be suspended in between
  }
  const Tensor shrunk = at::adaptive_avg_pool2d(latents.to(at::kCPU), {kFitSide, kFitSide});
  std::vector<Samples> samples = {sample(shrunk, vae, latents.device())};
  samples.insert(samples.end(), always_.begin(), always_.end());
  std::vector<Tensor> inputs, colours;
  for (const Samples& each : samples) {
    inputs.push_back(each.inputs);
    colours.push_back(each.colours);
  }
  const Tensor left = at::cat(inputs), right = at::cat(colours);
  const Tensor ridge = at::eye(channels + 1) * 1e-3;
  return at::linalg_solve(left.t().mm(left) + ridge, left.t().mm(right));
}

media::Image LatentPreview::draw(const Tensor& latents, const AutoencoderKl& vae, Fit& fit) {
  const Tensor sample = latents.to(at::kCPU, at::kFloat);
  media::Image picture;
  if (cheap(vae, sample)) {
    picture = tensor_to_picture(vae.decode(unscaled(latents, vae))[0]);
  } else {
    if (!fit.defined()) {
      fit = fitted(vae, latents.to(at::kFloat));
    }
    const Tensor colours = rows_of(sample).mm(fit).t().reshape({3, sample.size(2), sample.size(3)});
    picture = tensor_to_picture(colours);
  }
  const int smaller = std::min(picture.width, picture.height);
  const int factor = (kPreviewSideMin + smaller - 1) / smaller;
  return media::resize(picture, picture.width * factor, picture.height * factor,
                       media::Filter::kBilinear);
}

}  // namespace atelier::engine
