// The table of sampler and schedule names in all dialects: A1111 and Forge
// labels, k-diffusion aliases, ComfyUI, stable-diffusion.cpp, InvokeAI and diffusers ids, and the
// legacy systems'. Names are compared without case, spaces and punctuation ("DPM++ 2M" is
// "dpmpp_2m"). Names of samplers that are not built yet are listed, so that the error can report
// it. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/samplers/sampler.h"

namespace atelier::engine {

struct KnownSampler {
  std::string id, title;
  bool available = false;
  std::string nearest;  // id of a built sampler, for the refusal
  std::vector<std::string> aliases;
};

// The meaning of a schedule's name: a spacing of the model's timesteps, or a formula for the
// sigmas.
struct KnownSchedule {
  std::string id, title;
  bool available = false;
  std::string nearest;
  std::vector<std::string> aliases;
  std::optional<SigmaKind> kind;
  std::optional<Spacing> spacing;
};

const std::vector<KnownSampler>& known_samplers();
const std::vector<KnownSchedule>& known_schedules();  // the first is "automatic": the model decides

// A name may carry its schedule ("DPM++ 2M Karras", "ddim_trailing", "karras").
struct NamedPair {
  const KnownSampler* sampler = nullptr;
  const KnownSchedule* schedule = nullptr;
};

// Throws kInvalidArgument with the nearest names for an unknown name.
NamedPair read_sampler_name(std::string_view text);
const KnownSchedule* read_schedule_name(std::string_view text);

}  // namespace atelier::engine
