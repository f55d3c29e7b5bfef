// The list of samplers. Adding one: a file with its entry, a declaration here, a line in
// all_samplers.cpp.
#pragma once

#include "engine/samplers/sampler.h"

namespace atelier::engine {

SamplerEntry ddim_entry();
SamplerEntry ddpm_entry();
SamplerEntry dpmpp_2m_entry();
SamplerEntry dpmpp_2m_sde_entry();
SamplerEntry euler_entry();
SamplerEntry euler_ancestral_entry();
SamplerEntry heun_entry();
SamplerEntry lcm_entry();
SamplerEntry pndm_entry();
SamplerEntry unipc_entry();

const std::vector<SamplerEntry>& all_samplers();
// Null when no such sampler is built.
const SamplerEntry* find_sampler(const std::string& id);

}  // namespace atelier::engine
