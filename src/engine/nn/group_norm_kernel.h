// GroupNorm over channels_last pictures in fp32 or bf16, with SiLU in the same pass: the CPU path
// of nn/norm. Statistics are added up in fp32 over short runs and in fp64 over the runs. Called
// from the job thread, uses libtorch's threads inside.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

enum class Activation { kNone, kSilu };

// Whether the kernel takes this input: CPU, fp32 or bf16, channels a multiple of 16.
bool group_norm_kernel_takes(const Tensor& input);

// input [n, channels, h, w] (made channels_last when it is not), weight and bias [channels] fp32.
// -> the same shape, channels_last. y = activation((x - mean) / sqrt(variance + eps) * weight +
// bias), mean and (biased) variance per picture and group of channels.
Tensor group_norm_channels_last(const Tensor& input, std::int64_t groups, const Tensor& weight,
                                const Tensor& bias, double eps, Activation activation);

}  // namespace atelier::engine
