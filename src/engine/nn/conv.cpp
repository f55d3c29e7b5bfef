#include "engine/nn/conv.h"

namespace atelier::engine {
namespace {

// A 1x1 convolution of channels_last pictures is one matrix product over all pixels.
Tensor pointwise(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor pixels = x.permute({0, 2, 3, 1});  // [batch, h, w, in]
  return at::linear(pixels, weight.flatten(1), bias).permute({0, 3, 1, 2});
}

}  // namespace

Conv2d::Conv2d(const Binder& binder, const ConvShape& shape)
    : shape_(shape),
      weight_(binder.tensor("weight", {shape.out, shape.in, shape.kernel, shape.kernel})
                  .contiguous(at::MemoryFormat::ChannelsLast)),
      bias_(binder.tensor("bias", {shape.out})) {}

Tensor Conv2d::operator()(const Tensor& x) const {
  const Tensor pictures = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (shape_.kernel == 1 && shape_.stride == 1 && shape_.padding == 0) {
    return pointwise(pictures, weight_, bias_);
  }
  return at::conv2d(pictures, weight_, bias_, shape_.stride, shape_.padding);
}

}  // namespace atelier::engine
