// Resampling with Pillow's bytes: separable, 8-bit between the two passes, fixed-point weights,
// rows first (Pillow 13 takes the columns first for some sizes, which differs by a level or two;
// all before it do not). Pure, any thread. Throws kInvalidArgument for a size outside 1..kSideMax,
// a region outside of its picture or an invalid image.
#pragma once

#include <functional>

#include "media/image/image.h"

namespace atelier::media {

inline constexpr int kSideMax = 65535;

// Sides of a picture of which resize_region makes a part.
inline constexpr int kResizedSideMax = 1 << 28;

enum class Filter { kBox, kBilinear, kBicubic, kLanczos };

// Called between strips of the work, every few milliseconds; what it throws ends the work.
using Check = std::function<void()>;

// Four channels are resampled with premultiplied alpha, as Pillow does.
Image resize(const Image& image, int width, int height, Filter filter, const Check& check = {});

// A part of a picture, in pixels.
struct Region {
  int left = 0, top = 0, width = 0, height = 0;
};

// What is left of resize(image, width, height) when all but the region is cut off. The rest is not
// computed, so that `width` and `height` may be up to kResizedSideMax.
Image resize_region(const Image& image, int width, int height, const Region& region, Filter filter,
                    const Check& check = {});

}  // namespace atelier::media
