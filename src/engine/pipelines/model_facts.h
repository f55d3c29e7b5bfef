// What a model's files say about how to use it, before any weight is read: sizes, defaults, sampler
// file, what it can do. Made from a CheckpointLayout; any thread. Throws kUnsupported for a layout
// without the parts that a picture needs, kCorruptData for values of the wrong kind.
#pragma once

#include <optional>
#include <string>

#include "card/model_card.h"
#include "engine/models/autoencoder_kl.h"
#include "engine/models/clip_text.h"
#include "engine/models/unet2d.h"
#include "engine/samplers/scheduler_file.h"
#include "engine/weights/checkpoint_layout.h"

namespace atelier::engine {

struct ModelFacts {
  std::string id, title, description, hash;
  int native_width = 512, native_height = 512;
  int default_steps = 25;
  double default_guidance = 7.5;
  double default_strength = 0.8;
  std::string default_sampler, default_schedule;  // "": as the scheduler file says
  SchedulerFile scheduler;
  UNet2DConfig unet;
  AutoencoderKlConfig vae;
  bool two_towers = false;         // SDXL: pooled embedding, size conditioning
  bool zeros_for_absent = false;   // an absent negative prompt is zeros
  std::int64_t weights_bytes = 0;  // as stored

  bool inpaints_by_channels() const { return unet.in_channels == 2 * vae.latent_channels + 1; }
  int latent_scale() const { return static_cast<int>(vae.scale()); }
};

ModelFacts read_facts(const std::string& id, const CheckpointLayout& layout);
card::ModelCard make_card(const ModelFacts& facts, const CheckpointLayout& layout);

}  // namespace atelier::engine
