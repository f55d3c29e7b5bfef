// UniPC, order 2 with B2(h), predicting the clean picture (arXiv 2302.04867): every network output
// first corrects the step that led to it. Reference: diffusers UniPCMultistepScheduler.
#include <algorithm>
#include <cmath>

#include "engine/samplers/all_samplers.h"
#include "engine/samplers/lambda_sampler.h"

namespace atelier::engine {
namespace {

constexpr int kOrder = 2;

class UniPc final : public LambdaSampler {
 public:
  explicit UniPc(const SamplerSettings& settings) : LambdaSampler(settings, FinalSigma::kOwnLast) {}

  void begin(std::size_t) override {
    done_ = 0;
    newest_ = older_ = last_sample_ = Tensor();
  }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource&) override {
    const Tensor clean = clean_guess(output, model_eval, sample);
    const Tensor corrected = done_ > 0 ? correct(clean, model_eval) : sample;
    older_ = newest_;
    newest_ = clean;
    const auto left = static_cast<int>(timesteps_.size() - model_eval);
    order_ = std::min(done_ + 1, settings_.lower_order_final ? std::min(kOrder, left) : kOrder);
    last_sample_ = corrected;
    ++done_;
    return predict(corrected, model_eval);
  }

 private:
  Tensor predict(const Tensor& sample, std::size_t model_eval) const {
    const Point from = point(model_eval), to = point(model_eval + 1);
    const double h = to.lambda - from.lambda, growth = std::expm1(-h);
    Tensor moved = sample * (to.sigma / from.sigma) - newest_ * (to.alpha * growth);
    if (order_ == 2) {
      const double ratio = (point(model_eval - 1).lambda - from.lambda) / h;
      moved = moved - (older_ - newest_) * (to.alpha * growth * 0.5 / ratio);
    }
    return moved;
  }

  // Repeats the previous step with the network's output at its end.
  Tensor correct(const Tensor& clean, std::size_t model_eval) const {
    const Point from = point(model_eval - 1), to = point(model_eval);
    const double h = to.lambda - from.lambda, growth = std::expm1(-h);
    Tensor moved = last_sample_ * (to.sigma / from.sigma) - newest_ * (to.alpha * growth);
    const Tensor ahead = clean - newest_;
    if (order_ == 1) {
      return moved - ahead * (to.alpha * growth * 0.5);
    }
    // Two unknowns: rho_0 + rho_1 = b_1, ratio * rho_0 + rho_1 = b_2.
    const double ratio = (point(model_eval - 2).lambda - from.lambda) / h;
    const double phi_2 = growth / -h - 1, phi_3 = phi_2 / -h - 0.5;
    const double b_1 = phi_2 / growth, b_2 = phi_3 * 2 / growth;
    const double rho_0 = (b_1 - b_2) / (1 - ratio), rho_1 = b_1 - rho_0;
    return moved - ((older_ - newest_) * (rho_0 / ratio) + ahead * rho_1) * (to.alpha * growth);
  }

  int done_ = 0, order_ = 1;
  Tensor newest_, older_, last_sample_;
};

}  // namespace

SamplerEntry unipc_entry() {
  SamplerEntry entry;
  entry.id = "unipc";
  entry.title = "UniPC";
  entry.reference_class = "UniPCMultistepScheduler";
  entry.defaults.spacing = Spacing::kLinspace;
  entry.solver_order = kOrder;
  entry.kinds = {SigmaKind::kSpaced,     SigmaKind::kKarras, SigmaKind::kExponential,
                 SigmaKind::kSgmUniform, SigmaKind::kSimple, SigmaKind::kNormal,
                 SigmaKind::kDdimUniform};
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<UniPc>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
