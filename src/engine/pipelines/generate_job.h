// A request of the task `generate` as its pipeline works with it. Plain values.
#pragma once

#include <optional>
#include <vector>

#include "card/tasks/generate.h"
#include "engine/interface.h"

namespace atelier::engine {

struct GenerateJob {
  ModelFiles model;
  card::GenerationInput input;
  std::optional<media::Image> image;  // image to image, inpainting; RGB: composited already
  std::optional<media::Image> mask;   // inpainting: white is repainted
};

struct GenerateResult {
  std::vector<media::Image> images;
  card::GenerationUsed used;
  card::Timing timing;
};

}  // namespace atelier::engine
