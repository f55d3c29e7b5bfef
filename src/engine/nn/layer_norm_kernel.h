// LayerNorm of rows in fp32 or bf16, everything between reading and writing in fp32: the CPU path
// of nn/norm. Called from the job thread, uses libtorch's threads inside.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

// Whether the kernel takes this input: CPU, fp32 or bf16, dense rows of a multiple of 16 values.
bool layer_norm_kernel_takes(const Tensor& input);

// input [..., width], weight and bias [width] fp32 -> the same shape.
// y = (x - mean) / sqrt(variance + eps) * weight + bias, mean and (biased) variance of each row.
Tensor layer_norm_rows(const Tensor& input, const Tensor& weight, const Tensor& bias, double eps);

}  // namespace atelier::engine
