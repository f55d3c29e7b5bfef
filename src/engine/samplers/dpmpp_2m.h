// The second-order multistep solver behind DPM++ 2M and DPM++ 2M SDE (arXiv 2211.01095).
#pragma once

#include "engine/samplers/lambda_sampler.h"

namespace atelier::engine {

class DpmSolverMultistep : public LambdaSampler {
 public:
  explicit DpmSolverMultistep(const SamplerSettings& settings)
      : LambdaSampler(settings, FinalSigma::kSmallestTrained) {}

  void begin(std::size_t) override { previous_clean_ = Tensor(); }
  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource& noise) override;

 protected:
  // The update from `from` to `to`; `slope` is undefined for a first-order step.
  virtual Tensor update(const Point& from, const Point& to, const Tensor& clean,
                        const Tensor& slope, const Tensor& sample, NoiseSource& noise) = 0;

 private:
  bool first_order(std::size_t model_eval) const;
  Tensor previous_clean_;
};

SamplerEntry dpmpp_2m_entry();  // DPM++ 2M SDE starts from its settings

}  // namespace atelier::engine
