// What DDIM, DDPM, PNDM and LCM share: samples of unit variance, steps over whole training
// timesteps.
#pragma once

#include <cmath>

#include "engine/samplers/prediction.h"
#include "engine/samplers/sampler.h"

namespace atelier::engine {

class AlphaSampler : public Sampler {
 public:
  explicit AlphaSampler(const SamplerSettings& settings)
      : settings_(settings), noise_(settings.noise, /*keep_finite=*/false) {}

  Tensor add_noise(const Tensor& clean, const Tensor& noise,
                   std::size_t model_eval) const override {
    const double alpha = noise_.alpha(timestep(model_eval));
    return clean * std::sqrt(alpha) + noise * std::sqrt(1 - alpha);
  }
  Tensor clean_guess(const Tensor& output, std::size_t model_eval,
                     const Tensor& sample) const override {
    return clean_from_alpha(settings_.prediction, noise_.alpha(timestep(model_eval)), output,
                            sample);
  }

 protected:
  int timestep(std::size_t model_eval) const { return static_cast<int>(timesteps_[model_eval]); }
  double final_alpha() const { return settings_.set_alpha_to_one ? 1.0 : noise_.alpha(0); }
  double alpha_before(int previous) const {
    return previous >= 0 ? noise_.alpha(previous) : final_alpha();
  }

  SamplerSettings settings_;
  NoiseSchedule noise_;
};

}  // namespace atelier::engine
