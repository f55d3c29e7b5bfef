// Pixel formats. Pure functions on plain values, any thread. Throw kInvalidArgument for an image
// whose channels or byte count are invalid.
#pragma once

#include "media/image/colour.h"
#include "media/image/image.h"

namespace atelier::media {

void check_image(const Image& image);

// RGBA on a colour, as RGB: what is transparent shows the colour and nothing of its own, what is
// half transparent is blended. Grey and RGB pass unchanged.
Image on_matte(Image image, Colour matte);
// Grey is repeated; RGBA lies on white.
Image to_rgb(const Image& image);
// ITU-R 601-2 luma with Pillow's integer weights; RGBA lies on black.
Image to_grey(const Image& image);

}  // namespace atelier::media
