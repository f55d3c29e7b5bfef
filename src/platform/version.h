// The version that programs, pictures and replies name.
#pragma once

#include <string_view>

namespace atelier::platform {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace atelier::platform
