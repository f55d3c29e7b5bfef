// Heun's second-order method (arXiv 2206.00364, algorithm 1 without churn): two model evaluations
// for every step but the last. Reference: diffusers HeunDiscreteScheduler, k-diffusion sample_heun.
#include "engine/samplers/all_samplers.h"
#include "engine/samplers/prediction.h"
#include "engine/samplers/sigma_sampler.h"

namespace atelier::engine {
namespace {

class Heun final : public SigmaSampler {
 public:
  explicit Heun(const SamplerSettings& settings)
      : SigmaSampler(settings, /*full_range_conversions=*/false) {
    timesteps_ = doubled(timesteps_);
    const double last = sigmas_.back();
    sigmas_.pop_back();
    sigmas_ = doubled(sigmas_);
    sigmas_.push_back(last);
  }

  int evals_per_step() const override { return 2; }
  void begin(std::size_t) override { slope_ = Tensor(); }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource&) override {
    const double sigma = sigmas_[model_eval];
    const Tensor clean = clamp_when(settings_.clip_sample, settings_.clip_range,
                                    clean_from_sigma(settings_.prediction, sigma, output, sample));
    const Tensor slope = (sample - clean) / sigma;
    if (slope_.defined()) {
      const Tensor moved = start_ + (slope_ + slope) * (0.5 * stride_);
      slope_ = Tensor();
      return moved;
    }
    stride_ = sigmas_[model_eval + 1] - sigma;
    if (model_eval + 1 < timesteps_.size()) {
      slope_ = slope;
      start_ = sample;
    }
    return sample + slope * stride_;
  }

 private:
  // a, b, c -> a, b, b, c, c: every point but the first is visited twice.
  static std::vector<double> doubled(const std::vector<double>& values) {
    std::vector<double> result{values.front()};
    for (std::size_t i = 1; i < values.size(); ++i) {
      result.insert(result.end(), 2, values[i]);
    }
    return result;
  }

  Tensor slope_, start_;  // of the first half of the step in progress
  double stride_ = 0;
};

}  // namespace

SamplerEntry heun_entry() {
  SamplerEntry entry;
  entry.id = "heun";
  entry.title = "Heun";
  entry.reference_class = "HeunDiscreteScheduler";
  entry.defaults.spacing = Spacing::kLinspace;
  entry.kinds = {SigmaKind::kSpaced,     SigmaKind::kKarras, SigmaKind::kExponential,
                 SigmaKind::kSgmUniform, SigmaKind::kSimple, SigmaKind::kNormal,
                 SigmaKind::kDdimUniform};
  entry.honours_zero_snr = false;
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Heun>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
