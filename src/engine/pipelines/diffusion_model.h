// What image generation keeps with a loaded model that can denoise: its facts, the cache of encoded
// prompts and the samples of the preview. None of it changes a result. Kept by the model
// (Model::kept), used by one job at a time from its job thread; further jobs of the model may be
// suspended meanwhile.
#pragma once

#include <mutex>

#include "engine/models/denoiser.h"
#include "engine/models/model.h"
#include "engine/pipelines/model_facts.h"
#include "engine/pipelines/preview.h"
#include "engine/pipelines/prompt_encoder.h"

namespace atelier::engine {

class DiffusionModel {
 public:
  // Throws kUnsupported when the model has no Denoiser.
  static DiffusionModel& of(Model& model) { return model.kept<DiffusionModel>(); }
  explicit DiffusionModel(Model& model);

  const ModelFacts& facts() const { return facts_; }
  at::ScalarType dtype() const { return denoiser_.dtype(); }
  at::Device device() const { return denoiser_.device(); }
  const Denoiser& denoiser() const { return denoiser_; }
  PromptEncoder& prompts() { return prompts_; }
  const AutoencoderKl& vae() const { return denoiser_.vae(); }
  at::ScalarType vae_dtype() const { return denoiser_.vae_dtype(); }
  const AutoencoderKl& vae_in_fp32() { return denoiser_.vae_in_fp32(); }
  LatentPreview& preview() { return preview_; }
  // A job of the model, suspended or not, from its first use of the model to its last. The end of
  // the last one frees what only jobs need. Any thread.
  void begin_job();
  void end_job();

 private:
  Denoiser& denoiser_;
  ModelFacts facts_;
  PromptEncoder prompts_;
  LatentPreview preview_;
  std::mutex jobs_mutex_;
  int jobs_ = 0;
};

}  // namespace atelier::engine
