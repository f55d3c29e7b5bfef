// Capability: makes images from text by removing noise from the latents of an autoencoder. One job
// at a time, from the job thread. Its facts are DenoiserFacts (CapabilityFacts in model_family.h).
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/models/autoencoder_kl.h"
#include "engine/models/clip_text.h"
#include "engine/models/prompt_rules.h"
#include "engine/models/unet2d.h"

namespace atelier::engine {

// A text encoder with its vocabulary.
struct TextEncoder {
  std::function<std::vector<std::int64_t>(std::string_view text)>
      tokenize;  // without begin and end
  PromptRules rules;
  std::shared_ptr<const ClipText> encoder;
};

// How the model is used, from its files. Known before it is loaded.
struct DenoiserFacts {
  int default_steps = 25;
  double default_guidance = 7.5;
  double default_strength = 0.8;
  std::string default_sampler, default_schedule;  // "": as the scheduler's configuration says
  boost::json::object scheduler_config;           // scheduler_config.json
  std::int64_t in_channels = 4;                   // of the network: latents and what is joined
  AutoencoderKlConfig vae;
  bool dual_text_encoder = false;  // SDXL: pooled embedding, size conditioning
  bool zeros_for_absent = false;   // an absent negative prompt is zeros
};

class Denoiser {
 public:
  static constexpr std::string_view kCapability = "generate images";

  virtual ~Denoiser() = default;
  virtual const DenoiserFacts& facts() const = 0;
  virtual at::ScalarType dtype() const = 0;
  virtual at::Device device() const = 0;
  virtual const std::vector<TextEncoder>& text_encoders() const = 0;

  // Once per job and once per step, as UNet2D.
  virtual Conditioning prepare(const Tensor& context, const AddedConditioning& added) const = 0;
  virtual Tensor predict(const Tensor& sample, double timestep, const Conditioning& conditioning,
                         const Hooks& hooks) const = 0;

  virtual const AutoencoderKl& vae() const = 0;
  virtual at::ScalarType vae_dtype() const = 0;
  // For an image that overflows in 16 bits. Read from the files when a job first needs it, freed by
  // end_job(). Throws kConflict when the files changed since the model was loaded.
  virtual const AutoencoderKl& vae_in_fp32() = 0;
  virtual void end_job() = 0;  // of the last of several that overlap
};

}  // namespace atelier::engine
