// How often an attack repeats: few times in `make test`, many in `make test-long`.
#pragma once

#include <cstdlib>
#include <string_view>

namespace atelier {

inline int attack_rounds(int in_short, int in_long) {
  const char* mode = std::getenv("ATELIER_ATTACK");
  return mode != nullptr && std::string_view(mode) == "long" ? in_long : in_short;
}

}  // namespace atelier
