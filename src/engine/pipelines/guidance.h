// Classifier-free guidance on the network's output. Pure. Reference: diffusers rescale_noise_cfg.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

// `both` is [2 * pictures, …], the negative half first; returns [pictures, …].
// `rescale` in [0, 1] interpolates towards the standard deviation of the positive half (arXiv
// 2305.08891).
Tensor guided(const Tensor& both, double scale, double rescale);

}  // namespace atelier::engine
