// A disk that accepts a number of bytes and then is full, for the program that links this or has it
// preloaded. Any thread.
#pragma once

#include <cstdint>

namespace atelier::faulty_disk {

inline constexpr std::int64_t kNoLimit = -1;

void leave(std::int64_t bytes);  // for the program that links this
std::int64_t left();

}  // namespace atelier::faulty_disk
