// The loop from noise to latents: sampler, network, progress, previews, cancellation, suspension.
// Job thread. Throws kCancelled between model evaluations; the network itself throws it between its
// blocks. Only a model evaluation is left for a suspension, before the sampler has seen its output
// and before the noise of the step is drawn: latents, sampler and noise are those after the last
// whole evaluation.
#pragma once

#include <functional>
#include <vector>

#include "engine/pipelines/suspension.h"
#include "engine/samplers/sampler.h"

namespace atelier::engine {

struct DenoiseRun {
  Sampler* sampler = nullptr;
  NoiseSource* noise = nullptr;
  Suspension* suspension = nullptr;
  int steps_before = 0;  // model evaluations of the job before these
  Tensor latents;        // [pictures, 4, h, w], fp32, as they are before `first_eval`
  std::size_t first_eval = 0;
  // Scaled latents and timestep to the guided output, fp32.
  std::function<Tensor(const Tensor& input, double timestep)> network;
  // After each step, e.g. to put the unmasked part back; may be empty.
  std::function<Tensor(const Tensor& latents, std::size_t model_eval)> after_step;
  // Before each model evaluation: how many are done, how many there are, seconds of each so far;
  // throws to stop.
  std::function<void(int done, int total, const std::vector<double>& seconds)> on_step;
  // The clean latents as guessed at this evaluation; empty: no previews.
  std::function<void(const Tensor& guess, int done)> on_guess;
};

struct Denoised {
  Tensor latents;
  std::vector<double> eval_seconds;
};

Denoised denoise(const DenoiseRun& run);

}  // namespace atelier::engine
