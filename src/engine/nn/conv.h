// Two-dimensional convolution of pictures, [batch, channels, height, width] kept channels_last: the
// one place that chooses the fastest implementation for a shape. A layer keeps its weight in one
// form, chosen when it is bound, so that one form serves every picture size:
//
//   bf16 on a CPU with the instructions   3x3 with stride 1: Winograd; all others: packed rows of
//                                         pixels (nn/bf16_winograd.h, nn/bf16_gemm.h)
//   fp32 on a CPU                         3x3 with stride 1: Winograd (nn/winograd.h)
//   everything else                       libtorch's convolution
//
// A layer that is bound with BindOptions::precise never takes Winograd. Called from the job thread.
// Binding a missing or misshapen tensor throws kCorruptData (nn/module.h).
#pragma once

#include "engine/nn/bf16_gemm.h"
#include "engine/nn/bf16_winograd.h"
#include "engine/nn/module.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

// Whether every pixel of a picture is repeated in a 2x2 block before the convolution (nearest
// upsampling).
enum class Upsample { kNo, kYes };

struct ConvShape {
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 3, stride = 1, padding = 1;
  Upsample upsample = Upsample::kNo;  // only with kernel 3, stride 1, padding 1
};

// What is added to the result, in the same pass where the implementation can.
struct ConvAdded {
  Tensor to_channels = {};  // [1 or batch, out], to every pixel
  Tensor to_pixels = {};    // a picture like the result
};

struct ConvWeights {
  Tensor bias;
  // One of these is defined.
  Tensor weight;    // [out, in, kernel, kernel], channels_last
  Tensor winograd;  // fp32
  PackedWinograd packed_winograd;
  PackedMatrix packed_rows;  // k: kernel rows, then kernel columns, then channels
};

class Conv2d {
 public:
  Conv2d() = default;
  // Binds `weight` [out, in, kernel, kernel] and `bias` [out].
  Conv2d(const Binder& binder, const ConvShape& shape);

  bool defined() const { return bound_.defined(); }
  at::ScalarType dtype() const { return bound_->bias.scalar_type(); }
  // Dtype and device of its inputs.
  at::TensorOptions options() const { return bound_->bias.options(); }
  // -> [batch, out, (h + 2 padding - kernel) / stride + 1, …], channels_last
  Tensor operator()(const Tensor& x, const ConvAdded& added = {}) const;
  // With Upsample::kYes: to `size` (height, width), twice the input's or one less.
  Tensor upsampled(const Tensor& x, at::IntArrayRef size) const;

 private:
  Tensor run(const Tensor& x, at::IntArrayRef size, const ConvAdded& added) const;
  Tensor packed_winograd(const Tensor& x, at::IntArrayRef size, const ConvAdded& added) const;
  Tensor packed_rows(const Tensor& x, at::IntArrayRef size, const ConvAdded& added) const;

  ConvShape shape_;
  Bound<ConvWeights> bound_;
};

}  // namespace atelier::engine
