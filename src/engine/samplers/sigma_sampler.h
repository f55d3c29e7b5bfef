// What Euler, Euler a and Heun share: samples in sigma space, input scaled to unit variance.
#pragma once

#include <cmath>

#include "engine/samplers/sampler.h"

namespace atelier::engine {

class SigmaSampler : public Sampler {
 public:
  // The steps' sigmas and timesteps; a final sigma is appended to sigmas_.
  SigmaSampler(const SamplerSettings& settings, bool full_range_conversions);

  Tensor scale_input(const Tensor& sample, std::size_t model_eval) const override {
    return sample / std::sqrt(sigmas_[model_eval] * sigmas_[model_eval] + 1);
  }
  Tensor add_noise(const Tensor& clean, const Tensor& noise,
                   std::size_t model_eval) const override {
    return clean + noise * sigmas_[model_eval];
  }
  Tensor clean_guess(const Tensor& output, std::size_t model_eval,
                     const Tensor& sample) const override;

 protected:
  SamplerSettings settings_;
};

}  // namespace atelier::engine
