// DEIS in log(rho), order 2 (arXiv 2204.13902, "rho AB"): the network's noise is extrapolated
// linearly in log(rho), rho = sigma / alpha, and integrated exactly over rho.
// Reference: diffusers DEISMultistepScheduler.
#include <cmath>

#include "engine/samplers/all_samplers.h"
#include "engine/samplers/lambda_sampler.h"
#include "engine/samplers/sigma_schedule.h"

namespace atelier::engine {
namespace {

// The reference has no final sigma of 0: its runs end on the smallest training sigma, or on the
// last sigma of Karras and exponential schedules. The schedules of ComfyUI end on 0.
SamplerSettings with_final_sigma(SamplerSettings settings) {
  settings.final_sigma_zero = is_table_kind(settings.sigmas);
  return settings;
}

class Deis final : public LambdaSampler {
 public:
  explicit Deis(const SamplerSettings& settings)
      : LambdaSampler(with_final_sigma(settings), FinalSigma::kOwnLast) {}

  void begin(std::size_t) override { previous_noise_ = Tensor(); }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource&) override {
    const Point from = point(model_eval), to = point(model_eval + 1);
    const Tensor clean = clean_guess(output, model_eval, sample);
    const Tensor noise = (sample - clean * from.alpha) / from.sigma;
    Tensor moved = sample / from.alpha;
    if (first_order(model_eval)) {
      moved = moved + noise * (rho(to) - rho(from));
    } else {
      const Point before = point(model_eval - 1);
      moved = moved + noise * weight(from, to, from.lambda, before.lambda) +
              previous_noise_ * weight(from, to, before.lambda, from.lambda);
    }
    previous_noise_ = noise;
    return moved * to.alpha;
  }

 private:
  static double rho(const Point& at) { return at.sigma / at.alpha; }

  // The integral of (log(rho) - log(c)) / (log(b) - log(c)) from rho(from) to rho(to);
  // log(rho) is -lambda.
  static double weight(const Point& from, const Point& to, double lambda_b, double lambda_c) {
    const auto integral = [&](const Point& at) {
      return rho(at) * (lambda_c - at.lambda - 1) / (lambda_c - lambda_b);
    };
    return integral(to) - integral(from);
  }

  // "Fewer than 15" counts the whole schedule, also when image to image starts inside it. At
  // sigma 0 the second-order integral has no value.
  bool first_order(std::size_t model_eval) const {
    const bool short_run = settings_.lower_order_final && timesteps_.size() < 15;
    return !previous_noise_.defined() ||
           (model_eval == last_call() && (short_run || settings_.final_sigma_zero));
  }

  Tensor previous_noise_;
};

}  // namespace

SamplerEntry deis_entry() {
  SamplerEntry entry;
  entry.id = "deis";
  entry.title = "DEIS";
  entry.reference_class = "DEISMultistepScheduler";
  entry.defaults.spacing = Spacing::kLinspace;
  entry.solver_order = 2;
  entry.honours_zero_snr = false;
  entry.kinds = {SigmaKind::kSpaced,     SigmaKind::kKarras, SigmaKind::kExponential,
                 SigmaKind::kSgmUniform, SigmaKind::kSimple, SigmaKind::kNormal,
                 SigmaKind::kDdimUniform};
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Deis>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
