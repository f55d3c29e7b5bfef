// A job with all values resolved: the input with the model's defaults. Ranges were checked against
// the task's rows before (card/validation.h); only what needs the engine is checked here. Pure (no
// network, no weight). Throws kInvalidArgument or kUnsupported with a sentence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/pipelines/generate_job.h"
#include "engine/pipelines/model_facts.h"
#include "engine/pipelines/sizes.h"
#include "engine/samplers/choose.h"

namespace atelier::engine {

enum class JobKind { kTextToImage, kImageToImage, kInpaint };

struct JobPlan {
  JobKind kind = JobKind::kTextToImage;
  SizePlan size;
  int steps = 0;
  int first_step = 0;  // image to image skips the noisiest steps
  double guidance = 0, guidance_rescale = 0;
  double strength = 1;
  bool keep_outside = false;  // inpainting: what is outside the mask is put back
  int clip_skip = 0;
  int batch = 1;
  std::uint64_t seed = 0;
  SamplerChoice sampler;
  std::vector<std::string> warnings;

  bool guided() const { return guidance > 1; }
};

JobPlan plan_job(const ModelFacts& facts, const GenerateJob& job);

}  // namespace atelier::engine
