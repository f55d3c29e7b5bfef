#include "media/image/fit.h"

#include <algorithm>
#include <cmath>

#include "media/image/convert.h"

namespace atelier::media {
namespace {

int scaled(int side, double factor) {
  return std::max(static_cast<int>(std::lround(side * factor)), 1);
}

// Copies `from` into `onto`, its corner at (left, top), which may be negative.
void paste(const Image& from, Image& onto, int left, int top) {
  const auto channels = static_cast<std::size_t>(from.channels);
  const int first = std::max(left, 0), last = std::min(left + from.width, onto.width);
  for (int y = std::max(top, 0); y < std::min(top + from.height, onto.height); ++y) {
    const std::size_t source =
        static_cast<std::size_t>(y - top) * static_cast<std::size_t>(from.width) +
        static_cast<std::size_t>(first - left);
    const std::size_t target = static_cast<std::size_t>(y) * static_cast<std::size_t>(onto.width) +
                               static_cast<std::size_t>(first);
    std::copy_n(from.pixels.begin() + static_cast<std::ptrdiff_t>(source * channels),
                static_cast<std::size_t>(last - first) * channels,
                onto.pixels.begin() + static_cast<std::ptrdiff_t>(target * channels));
  }
}

}  // namespace

Image fitted(const Image& image, int width, int height, Fit fit, Filter filter, std::uint8_t fill,
             const Check& check) {
  if (fit == Fit::kStretch) {
    return resize(image, width, height, filter, check);
  }
  check_image(image);
  const double across = static_cast<double>(width) / image.width,
               down = static_cast<double>(height) / image.height;
  const double factor = fit == Fit::kCover ? std::max(across, down) : std::min(across, down);
  const Image sized =
      resize(image, scaled(image.width, factor), scaled(image.height, factor), filter, check);
  Image result{width, height, image.channels, {}};
  result.pixels.assign(result.byte_count(), fill);
  paste(sized, result, (width - sized.width) / 2, (height - sized.height) / 2);
  return result;
}

}  // namespace atelier::media
