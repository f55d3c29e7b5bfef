// LCM, multistep consistency sampling (arXiv 2310.04378). Reference: diffusers LCMScheduler.
#include "engine/samplers/all_samplers.h"
#include "engine/samplers/alpha_sampler.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr double kSigmaData = 0.5;

class Lcm final : public AlphaSampler {
 public:
  explicit Lcm(const SamplerSettings& settings) : AlphaSampler(settings) {
    const int original = settings.original_steps;
    if (settings.steps > original) {
      throw Error(ErrorCode::kInvalidArgument,
                  "LCM walks over " + std::to_string(original) + " timesteps, but " +
                      std::to_string(settings.steps) + " steps were requested: 4 to 8 are usual");
    }
    const int stride = noise_.train_steps() / original;
    for (int i = 0; i < settings.steps; ++i) {
      // Evenly spaced from the top of the distilled list, rounded down.
      const auto index = static_cast<int>(i * (static_cast<double>(original) / settings.steps));
      timesteps_.push_back((original - index) * stride - 1);
    }
  }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource& noise) override {
    const bool last = model_eval + 1 == timesteps_.size();
    const double alpha = noise_.alpha(timestep(model_eval));
    const double scaled = timesteps_[model_eval] * settings_.timestep_scaling;
    const double keep = kSigmaData * kSigmaData / (scaled * scaled + kSigmaData * kSigmaData);
    const double take = scaled / std::sqrt(scaled * scaled + kSigmaData * kSigmaData);
    const Tensor clean = clamp_when(settings_.clip_sample, settings_.clip_range,
                                    clean_from_alpha(settings_.prediction, alpha, output, sample));
    Tensor denoised = clean * take + sample * keep;
    if (last) {
      return denoised;
    }
    const double alpha_next = noise_.alpha(timestep(model_eval + 1));
    return denoised * std::sqrt(alpha_next) + noise.normal_like(sample) * std::sqrt(1 - alpha_next);
  }
};

}  // namespace

SamplerEntry lcm_entry() {
  SamplerEntry entry;
  entry.id = "lcm";
  entry.title = "LCM";
  entry.reference_class = "LCMScheduler";
  entry.kinds = {SigmaKind::kSpaced};
  entry.why_not_others = "it has a schedule of its own, the one it was distilled with";
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Lcm>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
