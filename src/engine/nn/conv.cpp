#include "engine/nn/conv.h"

#include "engine/nn/precise.h"

namespace atelier::engine {
namespace {

// Positions (height x width) from which each tile pays: transformed weights are 4 times (4x4)
// and 1.8 times (2x2) as large as direct ones, so the deep layers, where nearly all weights are,
// take the small tile or none. Measured on an AVX2 machine: docs/adr/0004-cpu-kernels.md.
constexpr std::int64_t kPositionsForTile4 = 32 * 32;
constexpr std::int64_t kPositionsForTile2 = 16 * 16;

// A 1x1 convolution of channels_last pictures is one matrix product over all pixels.
Tensor pointwise(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor pixels = x.permute({0, 2, 3, 1});  // [batch, h, w, in]
  return at::linear(pixels, weight.flatten(1), bias).permute({0, 3, 1, 2});
}

}  // namespace

Conv2d::Conv2d(const Binder& binder, const ConvShape& shape)
    : shape_(shape),
      weight_(binder.tensor("weight", {shape.out, shape.in, shape.kernel, shape.kernel})),
      bias_(binder.tensor("bias", {shape.out})) {}

Tensor Conv2d::operator()(const Tensor& x) const {
  const Tensor pictures = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (shape_.kernel == 1 && shape_.stride == 1 && shape_.padding == 0) {
    return pointwise(pictures, weight_, bias_);
  }
  return suits_winograd(pictures) ? winograd(pictures) : direct(pictures);
}

bool Conv2d::suits_winograd(const Tensor& x) const {
  return shape_.stride == 1 && shape_.padding == 1 && x.device().is_cpu() &&
         x.scalar_type() == at::kFloat && winograd_takes(weight_) &&
         x.size(2) * x.size(3) >= kPositionsForTile2 && !PreciseGuard::precise();
}

Tensor Conv2d::winograd(const Tensor& x) const {
  const bool large = x.size(2) * x.size(3) >= kPositionsForTile4;
  Tensor& transformed = large ? winograd4_ : winograd2_;
  if (!transformed.defined()) {
    transformed = winograd_weight(weight_, large ? WinogradTile::k4x4 : WinogradTile::k2x2);
  }
  return winograd_conv3x3(x, transformed, bias_);
}

Tensor Conv2d::direct(const Tensor& x) const {
  if (!channels_last_.defined()) {
    channels_last_ = weight_.contiguous(at::MemoryFormat::ChannelsLast);
  }
  return at::conv2d(x, channels_last_, bias_, shape_.stride, shape_.padding);
}

}  // namespace atelier::engine
