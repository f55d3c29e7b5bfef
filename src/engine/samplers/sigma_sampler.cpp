#include "engine/samplers/sigma_sampler.h"

#include <algorithm>

#include "engine/samplers/prediction.h"
#include "engine/samplers/sigma_schedule.h"

namespace atelier::engine {

SigmaSampler::SigmaSampler(const SamplerSettings& settings, bool full_range_conversions)
    : settings_(settings) {
  const NoiseSchedule noise(settings.noise, /*keep_finite=*/true);
  const bool converted =
      settings.sigmas == SigmaKind::kKarras || settings.sigmas == SigmaKind::kExponential;
  const bool from_table = is_table_kind(settings.sigmas) || (converted && full_range_conversions);
  if (from_table) {
    sigmas_ = table_sigmas(settings.sigmas, noise, settings.steps);
    timesteps_ = timesteps_of(noise, sigmas_);
  } else {
    timesteps_ = spaced_timesteps(settings, noise.train_steps(), Rounding::kFractional);
    for (const double t : timesteps_) {
      sigmas_.push_back(noise.sigma_at(t));
    }
    if (converted) {
      // The ends are those of the spaced sigmas, not of the training range.
      const auto make = settings.sigmas == SigmaKind::kKarras ? karras_sigmas : exponential_sigmas;
      sigmas_ = make(sigmas_.front(), sigmas_.back(), settings.steps);
      timesteps_ = timesteps_of(noise, sigmas_);
    }
  }
  round_to_fp32(sigmas_);
  round_to_fp32(timesteps_);
  const double highest = *std::max_element(sigmas_.begin(), sigmas_.end());
  // diffusers: the bare sigma for linspace and trailing; k-diffusion's schedules: the exact
  // variance.
  const bool bare = !from_table && settings.spacing != Spacing::kLeading;
  init_noise_sigma_ = bare ? highest : std::sqrt(highest * highest + 1);
  sigmas_.push_back(settings.final_sigma_zero ? 0.0 : noise.sigma_min());
}

Tensor SigmaSampler::clean_guess(const Tensor& output, std::size_t model_eval,
                                 const Tensor& sample) const {
  return clean_from_sigma(settings_.prediction, sigmas_[model_eval], output, sample);
}

}  // namespace atelier::engine
