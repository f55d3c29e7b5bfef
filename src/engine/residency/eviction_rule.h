// Which models make room for another one: the least recently used. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/residency/residency.h"

namespace atelier::engine {

// The models to evict so that `bytes` more fit into `bytes_max` together with those that stay; all
// of them where even that is not enough.
std::vector<ModelForm> least_recently_used(const ResidencyReport& report, std::int64_t bytes,
                                           std::int64_t bytes_max);

}  // namespace atelier::engine
