// A picture made to an asked size: stretched, or scaled with its shape kept. Pure, any thread.
#pragma once

#include <cstdint>

#include "media/image/image.h"
#include "media/image/resample.h"

namespace atelier::media {

enum class Fit {
  kStretch,  // as the reference pipelines do
  kCover,    // fills the size, what sticks out is cut off evenly
  kContain,  // lies within the size, the rest is filled
};

Image fitted(const Image& image, int width, int height, Fit fit, Filter filter, std::uint8_t fill,
             const Check& check = {});

}  // namespace atelier::media
