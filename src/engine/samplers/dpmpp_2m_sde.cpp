// DPM-Solver++ 2M as a stochastic equation. Reference: diffusers DPMSolverMultistepScheduler with
// sde-dpmsolver++ (midpoint), k-diffusion sample_dpmpp_2m_sde. The noise of the steps is
// independent (the first reference's way), not a Brownian tree.
#include <cmath>

#include "engine/samplers/all_samplers.h"
#include "engine/samplers/dpmpp_2m.h"

namespace atelier::engine {
namespace {

class DpmPp2mSde final : public DpmSolverMultistep {
 public:
  using DpmSolverMultistep::DpmSolverMultistep;

 protected:
  Tensor update(const Point& from, const Point& to, const Tensor& clean, const Tensor& slope,
                const Tensor& sample, NoiseSource& noise) override {
    const double h = to.lambda - from.lambda;
    const double weight = -to.alpha * std::expm1(-2 * h);
    Tensor moved = sample * (to.sigma / from.sigma * std::exp(-h)) + clean * weight;
    if (slope.defined()) {
      moved = moved + slope * (0.5 * weight);
    }
    // Drawn at every step, also at the last, where its weight is 0.
    return moved + noise.normal_like(sample) * (to.sigma * std::sqrt(-std::expm1(-2 * h)));
  }
};

}  // namespace

SamplerEntry dpmpp_2m_sde_entry() {
  SamplerEntry entry = dpmpp_2m_entry();
  entry.id = "dpmpp_2m_sde";
  entry.title = "DPM++ 2M SDE";
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<DpmPp2mSde>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
