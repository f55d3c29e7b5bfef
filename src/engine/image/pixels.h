// Pictures to tensors and back, with the reference pipelines' numbers. Job thread.
// Throw kInvalidArgument for invalid images (media::check_image).
#pragma once

#include "engine/tensor/torch_compat.h"
#include "media/image/image.h"

namespace atelier::engine {

// RGB in [-1, 1], [1, 3, height, width], fp32; RGBA lies on white.
Tensor picture_to_tensor(const media::Image& image);
// RGB from 0 to 255, [1, 3, height, width], fp32; RGBA lies on white.
Tensor picture_values(const media::Image& image);
// Clamps, scales to 255 and rounds halves to even. `tensor` is [3, height, width].
media::Image tensor_to_picture(const Tensor& tensor);
// 1 where the mask is at least half white, [1, 1, height, width], fp32.
Tensor mask_to_tensor(const media::Image& mask);

}  // namespace atelier::engine
