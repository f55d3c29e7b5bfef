// Two pictures of one size, blended by a mask, and the mask's soft edge. Pure, any thread. Throw
// kInvalidArgument for invalid images and for different sizes.
#pragma once

#include "media/image/image.h"

namespace atelier::media {

// 255 wherever the mask is at least half white; from there it falls to 0 within `edge` pixels
// outside, counted along rows and columns. One channel; `edge` of 0 is a hard edge.
Image with_soft_edge(const Image& mask, int edge);

// `above` where the mask (one channel) is 255, `below` exactly where it is 0. Both RGB.
Image blended(const Image& below, const Image& above, const Image& mask);

}  // namespace atelier::media
