#include "engine/pipelines/denoise.h"

#include <chrono>

namespace atelier::engine {

Denoised denoise(const DenoiseRun& run) {
  Denoised result{run.latents, {}};
  Sampler& sampler = *run.sampler;
  const std::size_t end = sampler.timesteps().size();
  const auto total = static_cast<int>(end - run.first_eval);
  sampler.begin(run.first_eval);
  for (std::size_t model_eval = run.first_eval; model_eval < end; ++model_eval) {
    const auto done = static_cast<int>(model_eval - run.first_eval);
    run.on_step(done, total, result.eval_seconds);
    const auto start = std::chrono::steady_clock::now();
    const Tensor output = run.network(sampler.scale_input(result.latents, model_eval),
                                      sampler.timesteps()[model_eval]);
    if (run.on_guess) {
      run.on_guess(sampler.clean_guess(output, model_eval, result.latents), done + 1);
    }
    result.latents = sampler.step(output, model_eval, result.latents, *run.noise);
    if (run.after_step) {
      result.latents = run.after_step(result.latents, model_eval);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    result.eval_seconds.push_back(seconds.count());
  }
  run.on_step(total, total, result.eval_seconds);
  return result;
}

}  // namespace atelier::engine
