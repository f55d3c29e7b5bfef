// A Stable Diffusion model in memory: text encoders, UNet, autoencoder and what is remembered
// between its jobs. Owned by the engine's residency, used by one job at a time from the job thread.
// Loading throws kCorruptData or kUnsupported with the file and tensor, kCancelled between its
// parts.
#pragma once

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

  DiffusionModel(const std::string& id, CheckpointLayout layout, at::ScalarType dtype,
                 at::Device device, const Check& check);

  const ModelFacts& facts() const { return facts_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }
  PromptEncoder& prompts() { return *prompts_; }
  const UNet2D& unet() const { return *unet_; }
  const AutoencoderKl& vae() const { return *vae_; }
  at::ScalarType vae_dtype() const { return vae_dtype_; }
  // Reloads the autoencoder in fp32, for good: its 16-bit form overflowed.
  void move_vae_to_fp32();
  LatentPreview& preview() { return preview_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  void load_vae(at::ScalarType dtype);

  CheckpointLayout layout_;
  ModelFacts facts_;
  at::ScalarType dtype_, vae_dtype_;
  at::Device device_;
  std::unique_ptr<PromptEncoder> prompts_;
  std::unique_ptr<UNet2D> unet_;
  std::unique_ptr<AutoencoderKl> vae_;
  LatentPreview preview_;
  std::int64_t bytes_ = 0;
};

}  // namespace atelier::engine
