// The list of samplers. A sampler is one file, which defines `SamplerEntry <name>_entry()`, and one
// line of all_samplers.cpp.
#pragma once

#include "engine/samplers/sampler.h"

namespace atelier::engine {

const std::vector<SamplerEntry>& all_samplers();
// Null when no such sampler is built.
const SamplerEntry* find_sampler(const std::string& id);

}  // namespace atelier::engine
