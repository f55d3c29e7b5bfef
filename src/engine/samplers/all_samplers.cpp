#include "engine/samplers/all_samplers.h"

namespace atelier::engine {

const std::vector<SamplerEntry>& all_samplers() {
  static const std::vector<SamplerEntry> list{
      dpmpp_2m_entry(), dpmpp_2m_sde_entry(), euler_entry(), euler_ancestral_entry(), heun_entry(),
      ddim_entry(),     ddpm_entry(),         lcm_entry(),   unipc_entry(),           pndm_entry(),
  };
  return list;
}

const SamplerEntry* find_sampler(const std::string& id) {
  for (const SamplerEntry& entry : all_samplers()) {
    if (entry.id == id) {
      return &entry;
    }
  }
  return nullptr;
}

}  // namespace atelier::engine
