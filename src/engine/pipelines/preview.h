// Small pictures of unfinished latents. A small model's latents are decoded as they are; for a
// large one a linear map from latents to colours is fitted once to its own decoder. Belongs to a
// loaded model.
#pragma once

#include <functional>

#include "engine/models/autoencoder_kl.h"
#include "media/image/image.h"

namespace atelier::engine {

class LatentPreview {
 public:
  // `latents` is [1, channels, h, w] as the UNet has them; the picture has at least kSideMin pixels
  // a side.
  media::Image draw(const Tensor& latents, const AutoencoderKl& vae);

 private:
  void fit(const AutoencoderKl& vae, const Tensor& latents);
  Tensor weights_;  // [channels + 1, 3]
};

}  // namespace atelier::engine
