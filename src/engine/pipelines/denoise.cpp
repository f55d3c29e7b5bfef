#include "engine/pipelines/denoise.h"

#include <chrono>

namespace atelier::engine {

Denoised denoise(const DenoiseRun& run) {
  Denoised result{run.latents, {}};
  Sampler& sampler = *run.sampler;
  const std::size_t end = sampler.timesteps().size();
  const auto total = static_cast<int>(end - run.first_call);
  sampler.begin(run.first_call);
  for (std::size_t call = run.first_call; call < end; ++call) {
    const auto done = static_cast<int>(call - run.first_call);
    run.on_step(done, total, result.call_seconds);
    const auto start = std::chrono::steady_clock::now();
    const Tensor output =
        run.network(sampler.scale_input(result.latents, call), sampler.timesteps()[call]);
    if (run.on_guess) {
      run.on_guess(sampler.clean_guess(output, call, result.latents), done + 1);
    }
    result.latents = sampler.step(output, call, result.latents, *run.noise);
    if (run.after_step) {
      result.latents = run.after_step(result.latents, call);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    result.call_seconds.push_back(seconds.count());
  }
  run.on_step(total, total, result.call_seconds);
  return result;
}

}  // namespace atelier::engine
