// DDPM (arXiv 2006.11239), posterior with the small fixed variance. Reference: diffusers
// DDPMScheduler.
#include <algorithm>

#include "engine/samplers/all_samplers.h"
#include "engine/samplers/alpha_sampler.h"
#include "engine/samplers/sigma_schedule.h"

namespace atelier::engine {
namespace {

class Ddpm final : public AlphaSampler {
 public:
  explicit Ddpm(const SamplerSettings& settings) : AlphaSampler(settings) {
    timesteps_ = spaced_timesteps(settings, noise_.train_steps(), Rounding::kWhole);
  }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource& noise) override {
    const int t = timestep(model_eval);
    const bool last = model_eval + 1 == timesteps_.size();
    const double alpha = noise_.alpha(t),
                 alpha_previous = last ? 1.0 : noise_.alpha(timestep(model_eval + 1));
    const double alpha_here = alpha / alpha_previous, beta_here = 1 - alpha_here;
    const Tensor clean = clamp_when(settings_.clip_sample, settings_.clip_range,
                                    clean_from_alpha(settings_.prediction, alpha, output, sample));
    Tensor mean = clean * (std::sqrt(alpha_previous) * beta_here / (1 - alpha)) +
                  sample * (std::sqrt(alpha_here) * (1 - alpha_previous) / (1 - alpha));
    if (t == 0) {
      return mean;
    }
    const double variance = std::max((1 - alpha_previous) / (1 - alpha) * beta_here, 1e-20);
    return mean + noise.normal_like(sample) * std::sqrt(variance);
  }
};

}  // namespace

SamplerEntry ddpm_entry() {
  SamplerEntry entry;
  entry.id = "ddpm";
  entry.title = "DDPM";
  entry.reference_class = "DDPMScheduler";
  entry.defaults.clip_sample = true;
  entry.kinds = {SigmaKind::kSpaced};
  entry.why_not_others = "it steps over whole training timesteps and has no sigmas to place";
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Ddpm>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
