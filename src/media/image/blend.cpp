#include "media/image/blend.h"

#include <algorithm>
#include <string>
#include <vector>

#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::media {
namespace {

// The pixels of one row or column: every `stride`-th byte from `first` on.
struct Line {
  std::size_t first = 0, stride = 1, length = 0;
};

std::vector<Line> rows_of(const Image& image) {
  const auto width = static_cast<std::size_t>(image.width);
  std::vector<Line> lines;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    lines.push_back({y * width, 1, width});
  }
  return lines;
}

std::vector<Line> columns_of(const Image& image) {
  const auto width = static_cast<std::size_t>(image.width);
  std::vector<Line> lines;
  for (std::size_t x = 0; x < width; ++x) {
    lines.push_back({x, width, static_cast<std::size_t>(image.height)});
  }
  return lines;
}

// Each pixel becomes `value(sum, count)` of those within `radius` along its line.
template <class Value>
void slide(Image& image, const std::vector<Line>& lines, std::size_t radius, Value value) {
  std::vector<std::uint32_t> sums;  // of the pixels before each
  for (const Line& line : lines) {
    sums.assign(1, 0);
    for (std::size_t i = 0; i < line.length; ++i) {
      sums.push_back(sums.back() + image.pixels[line.first + i * line.stride]);
    }
    for (std::size_t i = 0; i < line.length; ++i) {
      const std::size_t begin = i - std::min(i, radius);
      const std::size_t end = std::min(i + radius + 1, line.length);
      image.pixels[line.first + i * line.stride] =
          value(sums[end] - sums[begin], static_cast<std::uint32_t>(end - begin));
    }
  }
}

}  // namespace

// Grown by one part of the edge, then averaged over the other: what was white stays fully so, and
// what is farther away than both stays exactly 0.
Image with_soft_edge(const Image& mask, int edge) {
  Image soft = to_grey(mask);
  for (auto& pixel : soft.pixels) pixel = pixel >= 128 ? 255 : 0;
  if (edge <= 0) return soft;
  const auto averaged = static_cast<std::size_t>(edge) / 2;
  const auto grown = static_cast<std::size_t>(edge) - averaged;
  for (const auto& lines : {rows_of(soft), columns_of(soft)}) {
    slide(soft, lines, grown, [](std::uint32_t sum, std::uint32_t) {
      return static_cast<std::uint8_t>(sum > 0 ? 255 : 0);
    });
  }
  for (const auto& lines : {rows_of(soft), columns_of(soft)}) {
    slide(soft, lines, averaged, [](std::uint32_t sum, std::uint32_t count) {
      return static_cast<std::uint8_t>((sum + count / 2) / count);
    });
  }
  return soft;
}

Image blended(const Image& below, const Image& above, const Image& mask) {
  for (const Image* image : {&below, &above, &mask}) {
    check_image(*image);
    const int channels = image == &mask ? 1 : 3;
    if (image->width != below.width || image->height != below.height ||
        image->channels != channels) {
      throw Error(ErrorCode::kInvalidArgument,
                  "pictures of different sizes or channels cannot be blended: " +
                      std::to_string(below.width) + "x" + std::to_string(below.height) + " and " +
                      std::to_string(image->width) + "x" + std::to_string(image->height));
    }
  }
  Image result = below;
  for (std::size_t i = 0; i < result.pixels.size(); ++i) {
    const unsigned weight = mask.pixels[i / 3];
    const unsigned sum = above.pixels[i] * weight + below.pixels[i] * (255 - weight);
    result.pixels[i] = static_cast<std::uint8_t>((sum + 127) / 255);
  }
  return result;
}

}  // namespace atelier::media
