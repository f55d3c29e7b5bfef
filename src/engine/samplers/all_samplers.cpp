#include "engine/samplers/all_samplers.h"

// One line per sampler.
#define ATELIER_SAMPLERS(SAMPLER) \
  SAMPLER(dpmpp_2m)               \
  SAMPLER(dpmpp_2m_sde)           \
  SAMPLER(euler)                  \
  SAMPLER(euler_ancestral)        \
  SAMPLER(heun)                   \
  SAMPLER(ddim)                   \
  SAMPLER(ddpm)                   \
  SAMPLER(lcm)                    \
  SAMPLER(unipc)                  \
  SAMPLER(deis)                   \
  SAMPLER(pndm)

namespace atelier::engine {

#define SAMPLER(name) SamplerEntry name##_entry();
ATELIER_SAMPLERS(SAMPLER)
#undef SAMPLER

const std::vector<SamplerEntry>& all_samplers() {
#define SAMPLER(name) name##_entry(),
  static const std::vector<SamplerEntry> list = {ATELIER_SAMPLERS(SAMPLER)};
#undef SAMPLER
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
