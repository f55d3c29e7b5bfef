// y = x W^T + b. Called from the job thread. Binding a missing or misshapen tensor throws
// kCorruptData (nn/module.h).
#pragma once

#include <vector>

#include "engine/nn/module.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

enum class Bias { kNo, kYes };

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

  bool defined() const { return weight_.defined(); }
  at::ScalarType dtype() const { return weight_.scalar_type(); }
  // x [..., in] -> [..., out]
  Tensor operator()(const Tensor& x) const;

 private:
  Tensor weight_, bias_;
};

}  // namespace atelier::engine
