// Resampling with Pillow's bytes: separable, 8-bit between the two passes, fixed-point weights,
// rows first (Pillow 13 takes the columns first for some sizes, which differs by a level or two;
// all before it do not). Pure, any thread. Throws kInvalidArgument for a size outside 1..kSideMax
// or an invalid image.
#pragma once

#include <functional>

#include "media/image/image.h"

namespace atelier::media {

inline constexpr int kSideMax = 65535;

enum class Filter { kBox, kBilinear, kLanczos };

// Called between strips of the work, every few milliseconds; what it throws ends the work.
using Check = std::function<void()>;

// Four channels are resampled with premultiplied alpha, as Pillow does.
Image resize(const Image& image, int width, int height, Filter filter, const Check& check = {});

}  // namespace atelier::media
