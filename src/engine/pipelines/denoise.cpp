#include "engine/pipelines/denoise.h"

#include <chrono>

#include "engine/pipelines/elapsed.h"

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
    double milliseconds = 0;
    // Time of a part that was left for a suspension does not count.
    const auto whole = [&](const auto& part) {
      double last = 0;
      run.suspension->whole(run.steps_before + done, [&] {
        const auto start = std::chrono::steady_clock::now();
        part();
        last = milliseconds_since(start);
      });
      milliseconds += last;
    };
    Tensor output;
    whole([&] {
      output = run.network(sampler.scale_input(result.latents, model_eval),
                           sampler.timesteps()[model_eval]);
    });
    if (run.on_guess) {
      whole(
          [&] { run.on_guess(sampler.clean_guess(output, model_eval, result.latents), done + 1); });
    }
    const auto start = std::chrono::steady_clock::now();
    result.latents = sampler.step(output, model_eval, result.latents, *run.noise);
    if (run.after_step) {
      result.latents = run.after_step(result.latents, model_eval);
    }
    milliseconds += milliseconds_since(start);
    result.eval_seconds.push_back(milliseconds / 1000);
  }
  run.on_step(total, total, result.eval_seconds);
  return result;
}

}  // namespace atelier::engine
