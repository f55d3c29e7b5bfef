#include "engine/samplers/lambda_sampler.h"

#include <cmath>

#include "engine/samplers/sigma_schedule.h"

namespace atelier::engine {

LambdaSampler::LambdaSampler(const SamplerSettings& settings, FinalSigma final_sigma)
    : settings_(settings) {
  const NoiseSchedule noise(settings.noise, /*keep_finite=*/true);
  const bool converted = settings.sigmas != SigmaKind::kSpaced;
  if (converted) {
    sigmas_ = table_sigmas(settings.sigmas, noise, settings.steps);
    timesteps_ = timesteps_of(noise, sigmas_);
    if (!is_table_kind(settings.sigmas)) {
      // The reference rounds for Karras and cuts for exponential (its list is of integers).
      const bool rounds = settings.sigmas == SigmaKind::kKarras &&
                          settings.noise.beta_schedule != "squaredcos_cap_v2";
      for (double& t : timesteps_) {
        t = rounds ? std::nearbyint(t) : std::trunc(t);
      }
    }
  } else {
    timesteps_ = spaced_timesteps_dropping_last(settings, noise.train_steps());
    for (const double t : timesteps_) {
      sigmas_.push_back(noise.sigma_at(t));
    }
  }
  double last = 0;
  if (!settings.final_sigma_zero) {
    last = converted && final_sigma == FinalSigma::kOwnLast ? sigmas_.back() : noise.sigma_min();
  }
  sigmas_.push_back(last);
  round_to_fp32(sigmas_);
}

LambdaSampler::Point LambdaSampler::point(std::size_t index) const {
  const double alpha = 1 / std::sqrt(sigmas_[index] * sigmas_[index] + 1);
  return {alpha, sigmas_[index] * alpha, -std::log(sigmas_[index])};
}

Tensor LambdaSampler::add_noise(const Tensor& clean, const Tensor& noise,
                                std::size_t model_eval) const {
  const Point here = point(model_eval);
  return clean * here.alpha + noise * here.sigma;
}

Tensor LambdaSampler::clean_guess(const Tensor& output, std::size_t model_eval,
                                  const Tensor& sample) const {
  const Point here = point(model_eval);
  switch (settings_.prediction) {
    case Prediction::kEpsilon:
      return (sample - output * here.sigma) / here.alpha;
    case Prediction::kVelocity:
      return sample * here.alpha - output * here.sigma;
    case Prediction::kSample:
      break;
  }
  return output;
}

}  // namespace atelier::engine
