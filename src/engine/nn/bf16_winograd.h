// 3x3 convolutions with stride 1 and padding 1 by Winograd's F(2x2,3x3): bf16 products with fp32
// sums between fp32 transforms, on CPUs with AVX-512 BF16. Blocks of tiles pass through all three
// stages in cache, so that only the input and the output are in memory. Called from the job thread;
// uses libtorch's threads inside; the result does not depend on their number. Preconditions are
// CHECKed.
#pragma once

#include <memory>

#include "engine/nn/bf16_winograd_kernels.h"
#include "engine/nn/weight_arena.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

struct PackedWinograd {
  Winograd kind = Winograd::kPlain;
  std::int64_t in = 0, out = 0;
  std::shared_ptr<const Bf16> data;  // [panels][points][in rounded up to 32, halved][32][2]

  bool defined() const { return data != nullptr; }
  std::int64_t panels() const { return (out + kPanelColumns - 1) / kPanelColumns; }
  std::int64_t padded_in() const {
    return (in + kChannelGroup - 1) / kChannelGroup * kChannelGroup;
  }
};

// weight [out, in, 3, 3] in any floating dtype. kUpsampled: the convolution of the picture that
// repeating every pixel makes, applied to the picture before that.
PackedWinograd pack_winograd(WeightArena& arena, const Tensor& weight, Winograd kind);

struct WinogradCall {
  Tensor input;     // [n, in, h, w] bf16, channels_last
  Tensor bias;      // [1 or n, out] fp32
  Tensor residual;  // like the output, added to it; or undefined
  // Of the output: the input's; for kUpsampled twice the input's, or one less.
  std::int64_t height = 0, width = 0;
};
// -> [n, out, height, width] bf16, channels_last
Tensor winograd_bf16(const WinogradCall& call, const PackedWinograd& weight);

}  // namespace atelier::engine
