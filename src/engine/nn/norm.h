// Group and layer normalisation; statistics are fp32 also for 16-bit inputs. Called from the job
// thread. Binding a missing or misshapen tensor throws kCorruptData (nn/module.h).
#pragma once

#include "engine/nn/group_norm_kernel.h"
#include "engine/nn/module.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

struct NormWeights {
  Tensor weight, bias;
  Tensor weight_fp32, bias_fp32;  // for the CPU kernels
};

class GroupNorm {
 public:
  GroupNorm() = default;
  GroupNorm(const Binder& binder, std::int64_t groups, std::int64_t channels, double eps);
  // x [batch, channels, h, w] -> the same shape, normalised, then activated in the same pass
  Tensor operator()(const Tensor& x, Activation activation = Activation::kNone) const;

 private:
  std::int64_t groups_ = 0;
  double eps_ = 0;
  Bound<NormWeights> bound_;
};

class LayerNorm {
 public:
  LayerNorm() = default;
  LayerNorm(const Binder& binder, std::int64_t width, double eps);
  // over the last dimension
  Tensor operator()(const Tensor& x) const;

 private:
  double eps_ = 0;
  Bound<NormWeights> bound_;
};

}  // namespace atelier::engine
