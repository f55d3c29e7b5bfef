// Short names of the dtypes in which networks compute, as parameters and facts spell them. Any
// thread.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

inline const char* dtype_name(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return "bf16";
  return dtype == at::kHalf ? "fp16" : "fp32";
}

}  // namespace atelier::engine
