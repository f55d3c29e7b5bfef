// How far our numbers may be from the reference's fp32 numbers, as a share of the largest reference
// value. One table for all golden tests.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

inline double golden_tolerance(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return 1e-4;
    case at::kHalf:
      return 2e-2;  // 11 bits of precision through some fifty layers
    case at::kBFloat16:
      return 8e-2;  // 8 bits of precision through some fifty layers
    default:
      return 0;
  }
}

}  // namespace atelier::engine
