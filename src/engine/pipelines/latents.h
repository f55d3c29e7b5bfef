// Pictures to latents and back through a model's autoencoder. Job thread. When a 16-bit autoencoder
// overflows, that picture is computed again in fp32; NaN or infinity in fp32 throws kInternal.
#pragma once

#include <functional>

#include "engine/pipelines/diffusion_model.h"
#include "engine/tensor/random.h"

namespace atelier::engine {

enum class Tiling { kWhole, kTiles };

// The moments of a picture [1, 3, height, width] in [-1, 1].
LatentMoments encode_picture(DiffusionModel& model, const Tensor& picture, Tiling tiling,
                             const std::function<void()>& check);
// One draw per picture of the batch, scaled for the UNet: [pictures, channels, h, w],
// fp32.
Tensor sample_latents(const DiffusionModel& model, const LatentMoments& moments,
                      NoiseSource& noise);
// [pictures, channels, h, w] to [pictures, 3, height, width] in [-1, 1], one picture at a time.
Tensor decode_latents(DiffusionModel& model, const Tensor& latents, Tiling tiling,
                      const std::function<void()>& check);

}  // namespace atelier::engine
