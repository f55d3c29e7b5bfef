// Euler (Karras et al., arXiv 2206.00364, algorithm 2 without churn). Reference: diffusers
// EulerDiscreteScheduler, k-diffusion sample_euler.
#include "engine/samplers/all_samplers.h"
#include "engine/samplers/prediction.h"
#include "engine/samplers/sigma_sampler.h"

namespace atelier::engine {
namespace {

class Euler final : public SigmaSampler {
 public:
  explicit Euler(const SamplerSettings& settings)
      : SigmaSampler(settings, /*full_range_conversions=*/false) {}

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource&) override {
    const double sigma = sigmas_[model_eval];
    const Tensor clean = clean_from_sigma(settings_.prediction, sigma, output, sample);
    return sample + (sample - clean) * ((sigmas_[model_eval + 1] - sigma) / sigma);
  }
};

}  // namespace

SamplerEntry euler_entry() {
  SamplerEntry entry;
  entry.id = "euler";
  entry.title = "Euler";
  entry.reference_class = "EulerDiscreteScheduler";
  entry.defaults.spacing = Spacing::kLinspace;
  entry.kinds = {SigmaKind::kSpaced,     SigmaKind::kKarras, SigmaKind::kExponential,
                 SigmaKind::kSgmUniform, SigmaKind::kSimple, SigmaKind::kNormal,
                 SigmaKind::kDdimUniform};
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Euler>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
