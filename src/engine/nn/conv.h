// Two-dimensional convolution of pictures, [batch, channels, height, width] kept channels_last: the
// one place that knows which implementation is fastest for a shape. Called from the job thread.
// Binding a missing or misshapen tensor throws kCorruptData (nn/module.h).
#pragma once

#include "engine/nn/module.h"
#include "engine/nn/winograd.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

struct ConvShape {
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 3, stride = 1, padding = 1;
};

class Conv2d {
 public:
  Conv2d() = default;
  // Binds `weight` [out, in, kernel, kernel] and `bias` [out].
  Conv2d(const Binder& binder, const ConvShape& shape);

  bool defined() const { return weight_.defined(); }
  at::ScalarType dtype() const { return weight_.scalar_type(); }
  // Dtype and device of its inputs.
  at::TensorOptions options() const { return weight_.options(); }
  // -> [batch, out, (h + 2 padding - kernel) / stride + 1, …], channels_last
  Tensor operator()(const Tensor& x) const;

 private:
  bool suits_winograd(const Tensor& x) const;
  Tensor direct(const Tensor& x) const;
  Tensor winograd(const Tensor& x) const;

  ConvShape shape_;
  Tensor weight_, bias_;
  // The weight as an implementation wants it, made when that one is first used (which one depends
  // on the picture's size) and kept.
  mutable Tensor channels_last_, winograd2_, winograd4_;
};

}  // namespace atelier::engine
