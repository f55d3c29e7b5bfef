#include "engine/pipelines/latents.h"

#include "platform/error.h"

namespace atelier::engine {
namespace {

bool finite(const Tensor& tensor) { return at::isfinite(tensor.sum(at::kFloat)).item<bool>(); }

[[noreturn]] void fail(const DiffusionModel& model, const char* what) {
  throw Error(ErrorCode::kInternal,
              std::string(what) + " of '" + model.facts().id +
                  "' returned NaN or infinity: the weights may be broken, or choose "
                  "dtype fp32");
}

// Runs `work`, and once more in fp32 when a 16-bit autoencoder overflows. Per picture, so that the
// result does not depend on earlier pictures and jobs.
Tensor with_fp32_fallback(DiffusionModel& model, const char* what,
                          const std::function<Tensor(const AutoencoderKl&)>& work) {
  Tensor result = work(model.vae());
  if (!finite(result) && model.vae_dtype() != at::kFloat) result = work(model.vae_in_fp32());
  if (!finite(result)) {
    fail(model, what);
  }
  return result;
}

}  // namespace

LatentMoments encode_picture(DiffusionModel& model, const Tensor& picture, Tiling tiling,
                             const std::function<void()>& check) {
  LatentMoments moments;
  with_fp32_fallback(model, "the encoder", [&](const AutoencoderKl& vae) {
    const Tensor input = picture.to(model.device());
    moments = tiling == Tiling::kTiles ? vae.tiled_encode(input, check) : vae.encode(input, check);
    return moments.mean;
  });
  moments.mean = moments.mean.to(at::kFloat);
  moments.logvar = moments.logvar.to(at::kFloat);
  return moments;
}

Tensor sample_latents(const DiffusionModel& model, const LatentMoments& moments,
                      NoiseSource& noise) {
  std::vector<std::int64_t> shape = moments.mean.sizes().vec();
  shape[0] = noise.pictures();
  const Tensor drawn = noise.normal_like(at::empty(shape, moments.mean.options()));
  const Tensor latents = moments.mean + at::exp(moments.logvar * 0.5) * drawn;
  return (latents - model.facts().vae.shift_factor) * model.facts().vae.scaling_factor;
}

Tensor decode_latents(DiffusionModel& model, const Tensor& latents, Tiling tiling,
                      const std::function<void()>& check) {
  if (!finite(latents)) {
    fail(model, "the UNet");
  }
  const Tensor unscaled =
      latents / model.facts().vae.scaling_factor + model.facts().vae.shift_factor;
  std::vector<Tensor> pictures;
  for (std::int64_t i = 0; i < unscaled.size(0); ++i) {
    const Tensor one = unscaled.slice(0, i, i + 1);
    pictures.push_back(with_fp32_fallback(model, "the decoder", [&](const AutoencoderKl& vae) {
      return tiling == Tiling::kTiles ? vae.tiled_decode(one, check) : vae.decode(one, check);
    }));
    check();
  }
  return at::cat(pictures).to(at::kFloat);
}

}  // namespace atelier::engine
