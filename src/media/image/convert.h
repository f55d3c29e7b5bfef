// Pixel formats. Pure functions on plain values, any thread. Throw kInvalidArgument for an image
// whose channels or byte count make no sense.
#pragma once

#include "media/image/image.h"

namespace atelier::media {

void check_image(const Image& image);

// Grey is repeated; alpha is dropped, as Pillow's convert("RGB") does.
Image to_rgb(const Image& image);
// ITU-R 601-2 luma with Pillow's integer weights.
Image to_grey(const Image& image);

}  // namespace atelier::media
