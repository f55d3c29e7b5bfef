// Sixteen floats as one value, for the CPU kernels of this folder. GNU vector extensions with
// function multiversioning: the compiler makes AVX-512, AVX2+FMA and baseline versions of a kernel
// marked ATELIER_CPU_CLONES and picks one when the library is loaded. No library is needed, so the
// engine builds alone (docs/adr/0004-cpu-kernels.md).
#pragma once

#include <cstring>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ATELIER_CPU_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ATELIER_CPU_CLONES
#endif
#define ATELIER_INLINE inline __attribute__((always_inline))

// Vectors are only passed to functions that are always inlined, so no calling convention is
// involved.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace atelier::engine {

inline constexpr int kLanes = 16;
// aligned(4): rows of pictures start anywhere.
typedef float Vector16 __attribute__((vector_size(kLanes * sizeof(float)), aligned(4)));

}  // namespace atelier::engine
