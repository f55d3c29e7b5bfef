// Euler with ancestral noise. Reference: diffusers EulerAncestralDiscreteScheduler for the spaced
// schedules; k-diffusion sample_euler_ancestral for the sigma schedules, which that class lacks.
#include "engine/samplers/all_samplers.h"
#include "engine/samplers/prediction.h"
#include "engine/samplers/sigma_sampler.h"

namespace atelier::engine {
namespace {

class EulerAncestral final : public SigmaSampler {
 public:
  explicit EulerAncestral(const SamplerSettings& settings)
      : SigmaSampler(settings, /*full_range_conversions=*/true) {}

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource& noise) override {
    const double from = sigmas_[model_eval], to = sigmas_[model_eval + 1];
    const double up = std::sqrt(to * to * (from * from - to * to) / (from * from));
    const double down = std::sqrt(to * to - up * up);
    const Tensor clean = clean_from_sigma(settings_.prediction, from, output, sample);
    const Tensor moved = sample + (sample - clean) * ((down - from) / from);
    // Drawn at the last step too, as the reference does, although it is multiplied by 0.
    return moved + noise.normal_like(sample) * up;
  }
};

}  // namespace

SamplerEntry euler_ancestral_entry() {
  SamplerEntry entry;
  entry.id = "euler_ancestral";
  entry.title = "Euler a";
  entry.reference_class = "EulerAncestralDiscreteScheduler";
  entry.defaults.spacing = Spacing::kLinspace;
  entry.kinds = {SigmaKind::kSpaced,     SigmaKind::kKarras, SigmaKind::kExponential,
                 SigmaKind::kSgmUniform, SigmaKind::kSimple, SigmaKind::kNormal,
                 SigmaKind::kDdimUniform};
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<EulerAncestral>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
