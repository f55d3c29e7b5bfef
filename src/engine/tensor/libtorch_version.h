// Which libtorch this library was compiled against, e.g. "1.13.1".
#pragma once

#include <string>

namespace atelier::engine {

std::string libtorch_version();

}  // namespace atelier::engine
