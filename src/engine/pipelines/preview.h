// Small pictures of unfinished latents. A small model's latents are decoded as they are; for a
// large one a linear map from latents to colours is fitted to its own decoder, once a job. Belongs
// to a loaded model.
#pragma once

#include <functional>
#include <vector>

#include "engine/models/autoencoder_kl.h"
#include "media/image/image.h"

namespace atelier::engine {

class LatentPreview {
 public:
  // The map of one job, [channels + 1, 3]; undefined before its first picture.
  using Fit = Tensor;

  // `latents` is [1, channels, h, w] as the UNet has them; the picture has at least kSideMin pixels
  // a side.
  media::Image draw(const Tensor& latents, const AutoencoderKl& vae, Fit& fit);

 private:
  // Latents with what the decoder makes of them, averaged to the latents' size.
  struct Samples {
    Tensor inputs, colours;  // [n, channels + 1], [n, 3]
  };

  static Samples sample(const Tensor& latents, const AutoencoderKl& vae, at::Device device);
  Fit fitted(const AutoencoderKl& vae, const Tensor& latents);

  std::vector<Samples> always_;  // of noise, the same in every job
};

}  // namespace atelier::engine
