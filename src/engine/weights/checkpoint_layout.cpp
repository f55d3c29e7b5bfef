#include "engine/weights/checkpoint_layout.h"

namespace atelier::engine {

std::uint64_t CheckpointLayout::weights_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, component] : components) bytes += component.weights.bytes();
  return bytes;
}

}  // namespace atelier::engine
