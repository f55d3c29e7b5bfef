// Chooses a sampler from the names in a request and the model's scheduler file, with its
// settings. Names that are known but not built are kUnsupported, unsupported pairs
// kInvalidArgument; both name a way out. Job thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/samplers/names.h"
#include "engine/samplers/scheduler_file.h"

namespace atelier::engine {

struct SamplerChoice {
  const SamplerEntry* entry = nullptr;
  SamplerSettings settings;
  std::string sampler_title, schedule_title;  // "DPM++ 2M", "Karras"
  std::vector<std::string> warnings;

  std::unique_ptr<Sampler> make() const { return entry->make(settings); }
};

// Empty names mean the model's. `steps` is in 1..card::kStepsMax.
SamplerChoice choose_sampler(const std::string& sampler, const std::string& schedule,
                             const SchedulerFile& file, int steps);

}  // namespace atelier::engine
