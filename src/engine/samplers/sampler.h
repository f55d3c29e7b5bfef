// The interface of all samplers: the steps of a denoising run from noise to a picture.
//
// A sampler is made for one run (model, schedule, number of steps). The caller runs the network
// once for every entry of timesteps(), in order, starting at `begin(first_eval)`:
//   output = network(scale_input(sample, model_eval), timesteps()[model_eval])
//   sample = step(output, model_eval, sample, noise)
// Scalars are computed on the CPU in double, tensors in fp32. Job thread only.
// Steps cannot fail; the constructors throw kInvalidArgument or kUnsupported with a sentence.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/samplers/noise_schedule.h"
#include "engine/tensor/random.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

enum class Prediction { kEpsilon, kVelocity, kSample };
enum class Spacing { kLeading, kLinspace, kTrailing };
// kSpaced: the model's timesteps by Spacing. The others give the sigmas directly.
enum class SigmaKind {
  kSpaced,
  kKarras,
  kExponential,
  kSgmUniform,
  kSimple,
  kNormal,
  kDdimUniform
};

// Parameters of a sampler; filled by choose_sampler (choose.h).
struct SamplerSettings {
  int steps = 20;
  NoiseScheduleConfig noise;
  Prediction prediction = Prediction::kEpsilon;
  Spacing spacing = Spacing::kLeading;
  int steps_offset = 0;
  SigmaKind sigmas = SigmaKind::kSpaced;
  bool final_sigma_zero = true;  // else the smallest training sigma
  bool set_alpha_to_one = true;  // alpha after the last step is 1, else that of timestep 0
  bool clip_sample = false;      // the predicted picture is clamped (pixel models)
  double clip_range = 1.0;
  bool lower_order_final = true;  // multistep solvers
  bool euler_at_final = false;
  int original_steps = 50;         // LCM: length of the list it was distilled with
  double timestep_scaling = 10.0;  // LCM
};

class Sampler {
 public:
  virtual ~Sampler() = default;

  // One entry per model evaluation (Heun: 2N-1, PNDM: N+1); may be fractional.
  const std::vector<double>& timesteps() const { return timesteps_; }
  // One per model evaluation and a last one; empty for samplers that walk over training timesteps
  // only.
  const std::vector<double>& sigmas() const { return sigmas_; }
  double init_noise_sigma() const { return init_noise_sigma_; }
  // Entries of timesteps() per requested step, for the start of image to image.
  virtual int evals_per_step() const { return 1; }

  virtual void begin(std::size_t first_eval) { static_cast<void>(first_eval); }
  virtual Tensor scale_input(const Tensor& sample, std::size_t model_eval) const {
    static_cast<void>(model_eval);
    return sample;
  }
  virtual Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
                      NoiseSource& noise) = 0;
  // The clean latents as they look just before `model_eval`.
  virtual Tensor add_noise(const Tensor& clean, const Tensor& noise,
                           std::size_t model_eval) const = 0;
  // The clean latents as estimated from the network's output, for previews.
  virtual Tensor clean_guess(const Tensor& output, std::size_t model_eval,
                             const Tensor& sample) const = 0;

 protected:
  std::vector<double> timesteps_, sigmas_;
  double init_noise_sigma_ = 1;
};

// One line of the list in all_samplers.cpp: a file that brings its own description.
struct SamplerEntry {
  std::string id;                // "dpmpp_2m"
  std::string title;             // "DPM++ 2M"
  std::string reference_class;   // diffusers' class, "" when it has none
  SamplerSettings defaults;      // the reference class's own defaults
  std::vector<SigmaKind> kinds;  // schedules that have a meaning here
  std::string why_not_others;    // sentence part for the rest
  int solver_order = 0;          // of a multistep solver: the order that is built; else 0
  bool honours_zero_snr = true;
  std::unique_ptr<Sampler> (*make)(const SamplerSettings& settings) = nullptr;
};

}  // namespace atelier::engine
