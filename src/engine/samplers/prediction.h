// The network's output read as a clean picture, in the two notations of the references:
// variance-preserving (alpha: cumulated product) and sigma space (sample = clean + sigma * noise).
#pragma once

#include <cmath>

#include "engine/samplers/sampler.h"

namespace atelier::engine {

inline Tensor clean_from_alpha(Prediction prediction, double alpha, const Tensor& output,
                               const Tensor& sample) {
  const double a = std::sqrt(alpha), s = std::sqrt(1 - alpha);
  switch (prediction) {
    case Prediction::kEpsilon:
      return (sample - output * s) / a;
    case Prediction::kVelocity:
      return sample * a - output * s;
    case Prediction::kSample:
      break;
  }
  return output;
}

inline Tensor noise_from_alpha(Prediction prediction, double alpha, const Tensor& output,
                               const Tensor& sample) {
  const double a = std::sqrt(alpha), s = std::sqrt(1 - alpha);
  switch (prediction) {
    case Prediction::kEpsilon:
      break;
    case Prediction::kVelocity:
      return output * a + sample * s;
    case Prediction::kSample:
      return (sample - output * a) / s;
  }
  return output;
}

inline Tensor clean_from_sigma(Prediction prediction, double sigma, const Tensor& output,
                               const Tensor& sample) {
  switch (prediction) {
    case Prediction::kEpsilon:
      return sample - output * sigma;
    case Prediction::kVelocity:
      return output * (-sigma / std::sqrt(sigma * sigma + 1)) + sample / (sigma * sigma + 1);
    case Prediction::kSample:
      break;
  }
  return output;
}

inline Tensor clamp_when(bool clip, double range, const Tensor& clean) {
  return clip ? clean.clamp(-range, range) : clean;
}

}  // namespace atelier::engine
