// Base of the solvers over lambda, half the log of the signal-to-noise ratio (DPM++ 2M, UniPC,
// DEIS): samples of unit variance, one list of sigmas.
#pragma once

#include "engine/samplers/sampler.h"

namespace atelier::engine {

class LambdaSampler : public Sampler {
 public:
  // UniPC and DEIS end on their own last sigma where the reference's DPM++ ends on the smallest
  // training sigma.
  enum class FinalSigma { kSmallestTrained, kOwnLast };
  LambdaSampler(const SamplerSettings& settings, FinalSigma final_sigma);

  Tensor add_noise(const Tensor& clean, const Tensor& noise, std::size_t model_eval) const override;
  Tensor clean_guess(const Tensor& output, std::size_t model_eval,
                     const Tensor& sample) const override;

 protected:
  // One point of the path. At sigma 0: alpha 1, sigma 0, lambda infinite.
  struct Point {
    double alpha, sigma, lambda;
  };
  Point point(std::size_t index) const;
  std::size_t last_call() const { return timesteps_.size() - 1; }

  SamplerSettings settings_;
};

}  // namespace atelier::engine
