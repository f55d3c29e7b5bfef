// CHECK(condition): a programmer's mistake ends the process with file, line and the condition.
// Never for bad input (throw Error for that). Always on, also in release builds.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace atelier::platform {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace atelier::platform

// glog, which libtorch brings along, has a macro of this name.
#ifdef CHECK
#undef CHECK
#endif
#define CHECK(condition)              \
  ((condition) ? static_cast<void>(0) \
               : ::atelier::platform::check_failed(#condition, __FILE__, __LINE__))
