// The clock of the plan: Unix time in milliseconds as it was at the start of the process, going on
// with the monotonic clock, so that a change of the system time affects no plan. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace atelier::scheduler {

inline std::int64_t plan_ms() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  static const auto kStart = std::chrono::steady_clock::now();
  static const auto kUnixStart = std::chrono::system_clock::now().time_since_epoch();
  const auto elapsed = std::chrono::steady_clock::now() - kStart;
  return (duration_cast<milliseconds>(kUnixStart) + duration_cast<milliseconds>(elapsed)).count();
}

}  // namespace atelier::scheduler
