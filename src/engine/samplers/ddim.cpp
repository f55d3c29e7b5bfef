// DDIM (arXiv 2010.02502), eta 0. Reference: diffusers DDIMScheduler.
#include "engine/samplers/all_samplers.h"
#include "engine/samplers/alpha_sampler.h"
#include "engine/samplers/sigma_schedule.h"

namespace atelier::engine {
namespace {

class Ddim final : public AlphaSampler {
 public:
  explicit Ddim(const SamplerSettings& settings) : AlphaSampler(settings) {
    timesteps_ = spaced_timesteps(settings, noise_.train_steps(), Rounding::kWhole);
  }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource&) override {
    const int t = timestep(model_eval);
    // A fixed stride: under linspace and trailing this may differ from the next listed timestep.
    const int previous = t - noise_.train_steps() / settings_.steps;
    const double alpha = noise_.alpha(t), alpha_previous = alpha_before(previous);
    const Tensor clean = clamp_when(settings_.clip_sample, settings_.clip_range,
                                    clean_from_alpha(settings_.prediction, alpha, output, sample));
    const Tensor noise = noise_from_alpha(settings_.prediction, alpha, output, sample);
    return clean * std::sqrt(alpha_previous) + noise * std::sqrt(1 - alpha_previous);
  }
};

}  // namespace

SamplerEntry ddim_entry() {
  SamplerEntry entry;
  entry.id = "ddim";
  entry.title = "DDIM";
  entry.reference_class = "DDIMScheduler";
  entry.defaults.clip_sample = true;
  entry.kinds = {SigmaKind::kSpaced};
  entry.why_not_others = "it steps over whole training timesteps and has no sigmas to place";
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Ddim>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
