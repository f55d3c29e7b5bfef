#include "engine/models/model.h"

#include <numeric>

#include "platform/error.h"

namespace atelier::engine {

std::int64_t Model::bytes() const {
  return std::accumulate(
      files_.component_bytes.begin(), files_.component_bytes.end(), std::int64_t{0},
      [](std::int64_t sum, const auto& component) { return sum + component.second; });
}

void refuse_capability(const card::ModelCard& card, std::string_view capability) {
  throw Error(ErrorCode::kUnsupported, "model '" + card.id + "' (" + card.family + ") cannot " +
                                           std::string(capability) + ": choose another model");
}

}  // namespace atelier::engine
