#include "engine/tensor/libtorch_version.h"

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

std::string libtorch_version() { return TORCH_VERSION; }

}  // namespace atelier::engine
