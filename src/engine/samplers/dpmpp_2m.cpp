// DPM-Solver++ 2M (arXiv 2211.01095). Reference: diffusers DPMSolverMultistepScheduler (midpoint),
// k-diffusion sample_dpmpp_2m.
#include "engine/samplers/dpmpp_2m.h"

#include <cmath>

#include "engine/samplers/all_samplers.h"
#include "engine/samplers/prediction.h"

namespace atelier::engine {

// "Last" and "fewer than 15" count the whole schedule, also when image to image starts inside it.
bool DpmSolverMultistep::first_order(std::size_t model_eval) const {
  const bool last = model_eval == last_call();
  const bool short_run = settings_.lower_order_final && timesteps_.size() < 15;
  return !previous_clean_.defined() ||
         (last && (settings_.euler_at_final || short_run || settings_.final_sigma_zero));
}

Tensor DpmSolverMultistep::step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
                                NoiseSource& noise) {
  const Tensor clean = clean_guess(output, model_eval, sample);
  const Point from = point(model_eval), to = point(model_eval + 1);
  Tensor slope;
  if (!first_order(model_eval)) {
    const double ratio = (from.lambda - point(model_eval - 1).lambda) / (to.lambda - from.lambda);
    slope = (clean - previous_clean_) / ratio;
  }
  previous_clean_ = clean;
  return update(from, to, clean, slope, sample, noise);
}

namespace {

class DpmPp2m final : public DpmSolverMultistep {
 public:
  using DpmSolverMultistep::DpmSolverMultistep;

 protected:
  Tensor update(const Point& from, const Point& to, const Tensor& clean, const Tensor& slope,
                const Tensor& sample, NoiseSource&) override {
    const double weight = -to.alpha * std::expm1(from.lambda - to.lambda);
    Tensor moved = sample * (to.sigma / from.sigma) + clean * weight;
    return slope.defined() ? moved + slope * (0.5 * weight) : moved;
  }
};

}  // namespace

SamplerEntry dpmpp_2m_entry() {
  SamplerEntry entry;
  entry.id = "dpmpp_2m";
  entry.title = "DPM++ 2M";
  entry.reference_class = "DPMSolverMultistepScheduler";
  entry.defaults.spacing = Spacing::kLinspace;
  entry.solver_order = 2;
  entry.kinds = {SigmaKind::kSpaced,     SigmaKind::kKarras, SigmaKind::kExponential,
                 SigmaKind::kSgmUniform, SigmaKind::kSimple, SigmaKind::kNormal,
                 SigmaKind::kDdimUniform};
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<DpmPp2m>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
