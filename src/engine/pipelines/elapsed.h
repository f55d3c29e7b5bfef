// Elapsed time, for the timing of a run. Any thread.
#pragma once

#include <chrono>

namespace atelier::engine {

inline double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace atelier::engine
