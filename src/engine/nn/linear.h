// y = x W^T + b. Called from the job thread. Binding a missing or misshapen tensor throws
// kCorruptData (nn/module.h). In bf16 on a CPU that has the instructions only the packed weight is
// kept (nn/bf16_gemm.h).
#pragma once

#include <vector>

#include "engine/nn/bf16_gemm.h"
#include "engine/nn/module.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

enum class Bias { kNo, kYes };

struct LinearWeights {
  Tensor weight, bias;
  PackedMatrix packed;  // instead of weight and bias
};

class Linear {
 public:
  Linear() = default;
  // Binds `weight` [out, in] and `bias` [out].
  Linear(const Binder& binder, std::int64_t in, std::int64_t out, Bias bias);
  // Several layers of the same input as one product; outputs lie side by side.
  static Linear joined(const std::vector<Binder>& binders, std::int64_t in,
                       const std::vector<std::int64_t>& outs, Bias bias);
  // A 1x1 convolution that the file keeps as [out, in, 1, 1], applied to the last dimension.
  static Linear from_convolution(const Binder& binder, std::int64_t in, std::int64_t out);

  bool defined() const { return bound_.defined(); }
  // x [..., in] -> [..., out], plus `residual` of that shape when it is defined
  Tensor operator()(const Tensor& x, const Tensor& residual = {}) const;

 private:
  explicit Linear(Bound<LinearWeights> bound) : bound_(std::move(bound)) {}

  Bound<LinearWeights> bound_;
};

// One product whose first half is multiplied by the GELU of its second half (GEGLU).
class GatedLinear {
 public:
  GatedLinear() = default;
  // Binds `weight` [2 out, in] and `bias` [2 out].
  GatedLinear(const Binder& binder, std::int64_t in, std::int64_t out);
  // x [..., in] -> [..., out]
  Tensor operator()(const Tensor& x) const;

 private:
  Bound<LinearWeights> bound_;
};

}  // namespace atelier::engine
