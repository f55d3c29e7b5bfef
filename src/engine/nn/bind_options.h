// How a network keeps its parameters. Plain values, given to the Binder (nn/module.h).
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

struct BindOptions {
  at::ScalarType dtype = at::kFloat;  // compute dtype
  at::Device device = at::kCPU;
  // Layers keep to forms that do not move the numbers beyond rounding: no Winograd. A layer keeps
  // one form of its weight, so a precise model is another one in memory.
  bool precise = false;
  bool packed = true;  // bf16 on a CPU that multiplies it: weights are packed for its products

  bool operator==(const BindOptions& other) const = default;
};

}  // namespace atelier::engine
