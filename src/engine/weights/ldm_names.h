// Tensor names of single-file (LDM) checkpoints under the names of the diffusers layout. Works for
// any number of blocks with two layers each, as all published models have. Pure.
// `map_ldm_checkpoint` throws kCorruptData when two tensors claim one place or a shape does not
// fit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/weights/weights_view.h"

namespace atelier::engine {

struct LdmParts {
  WeightsView unet, vae;
  WeightsView text_encoder;    // CLIP-L
  WeightsView text_encoder_2;  // OpenCLIP, SDXL only
  std::vector<std::string> training_buffers, left_over;
};

LdmParts map_ldm_checkpoint(const std::shared_ptr<const WeightsFile>& file);

}  // namespace atelier::engine
