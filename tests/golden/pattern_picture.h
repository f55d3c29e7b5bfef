// A picture with smooth ramps, hard edges and noise; tools/reference/pictures.py makes the same
// one. Test code.
#pragma once

#include "media/image/image.h"

namespace atelier::golden {

inline media::Image pattern_picture(int width, int height, int channels = 3) {
  media::Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int block = ((x / 5 + y / 7 + c) % 2) * 255;
        const int ramp = (x * 3 + y * 5 + c * 40) % 256;
        const int noise = (x * 7919 + y * 104729 + c * 1299709) % 251;
        image.pixels.push_back(
            static_cast<std::uint8_t>((x + y) % 3 == 0 ? block : (x % 4 == 0 ? noise : ramp)));
      }
    }
  }
  return image;
}

}  // namespace atelier::golden
