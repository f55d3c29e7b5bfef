// 3x3 convolutions with stride 1 and padding 1 by Winograd's minimal filtering, for CPU in fp32:
// F(4x4,3x3) needs 36 products where the direct way needs 144, F(2x2,3x3) 16 of 36. Source of the
// matrices: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015 (arXiv
// 1509.09308), section 4. Rounding error in fp32 is about 1e-6 (2x2) and 1e-5 (4x4) of the largest
// output. Called from the job thread; uses libtorch's threads inside. Preconditions are CHECKed.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

enum class WinogradTile { k2x2 = 2, k4x4 = 4 };  // outputs of one tile

// Both channel counts must be multiples of 16.
bool winograd_takes(at::IntArrayRef weight_shape /* out, in, kernel, kernel */);

// -> [(tile + 2)^2, in, out] fp32, from any floating dtype.
Tensor winograd_weight(const Tensor& weight /* [out, in, 3, 3] */, WinogradTile tile);

// input [n, in, h, w] fp32 on the CPU (made channels_last when it is not); bias [out] fp32 or
// undefined.
// -> [n, out, h, w], channels_last.
Tensor winograd_conv3x3(const Tensor& input, const Tensor& transformed, const Tensor& bias);

}  // namespace atelier::engine
