// A Stable Diffusion model in memory: text encoders, UNet, autoencoder and what is remembered
// between its jobs, none of which changes a result. Owned by the engine's residency, used by one
// job at a time from the job thread. Everything that it computes with is memory of its own, read
// from one version of its files. Loading throws kCorruptData or kUnsupported with the file and
// tensor, kConflict when the files changed meanwhile, kCancelled between its parts.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "engine/models/autoencoder_kl.h"
#include "engine/models/unet2d.h"
#include "engine/pipelines/model_facts.h"
#include "engine/pipelines/preview.h"
#include "engine/pipelines/prompt_encoder.h"
#include "engine/weights/checkpoint_layout.h"

namespace atelier::engine {

class DiffusionModel {
 public:
  using Check = std::function<void()>;

  // On the device "meta" nothing of the weights is read and nothing is allocated: whatever keeps
  // the model from being loaded is thrown all the same.
  DiffusionModel(const std::string& id, const CheckpointLayout& layout, at::ScalarType dtype,
                 at::Device device, const Check& check);

  const ModelFacts& facts() const { return facts_; }
  const std::filesystem::path& path() const { return path_; }
  const ModelVersion& version() const { return version_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  PromptEncoder& prompts() { return *prompts_; }
  const UNet2D& unet() const { return *unet_; }
  const AutoencoderKl& vae() const { return *vae_; }
  at::ScalarType vae_dtype() const { return vae_dtype_; }
  // For a picture that overflows in 16 bits. Read once more from the files when a job first asks,
  // and gone with end_job().
  const AutoencoderKl& vae_in_fp32();
  LatentPreview& preview() { return preview_; }
  // What one job needed is nothing to the next.
  void end_job();
  std::int64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  ModelVersion version_;
  ModelFacts facts_;
  at::ScalarType dtype_, vae_dtype_;
  at::Device device_;
  std::unique_ptr<PromptEncoder> prompts_;
  std::unique_ptr<UNet2D> unet_;
  std::unique_ptr<AutoencoderKl> vae_, fp32_vae_;
  LatentPreview preview_;
  std::int64_t bytes_ = 0;
};

// Throws what the first job with this model would throw, from headers and configurations alone.
// -> its facts; `hash` names the headers, not yet the data
ModelFacts facts_if_it_loads(const std::string& id, const CheckpointLayout& layout);

}  // namespace atelier::engine
