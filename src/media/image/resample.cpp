#include "media/image/resample.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::media {
namespace {

constexpr int kWeightBits = 32 - 8 - 2;  // of Pillow's fixed-point weights

double sinc(double x) { return x == 0 ? 1 : std::sin(x * M_PI) / (x * M_PI); }

// Bicubic convolution with a = -1/2.
double bicubic(double x) {
  constexpr double kA = -0.5;
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * kA : 0;
}

double filter_value(Filter filter, double x) {
  switch (filter) {
    case Filter::kBox:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Filter::kBilinear:
      return std::max(1 - std::abs(x), 0.0);
    case Filter::kBicubic:
      return bicubic(std::abs(x));
    case Filter::kLanczos:
      break;
  }
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

double filter_support(Filter filter) {
  switch (filter) {
    case Filter::kBox:
      return 0.5;
    case Filter::kBilinear:
      return 1;
    case Filter::kBicubic:
      return 2;
    case Filter::kLanczos:
      break;
  }
  return 3;
}

// Which source pixels make one target pixel, and their weights.
struct Window {
  int first = 0;
  std::vector<std::int32_t> weights;
};

Window window_at(int target, double scale, int source_size, Filter filter) {
  const double stretch = std::max(scale, 1.0);
  const double support = filter_support(filter) * stretch;
  const double centre = (target + 0.5) * scale;
  Window window;
  window.first = std::max(static_cast<int>(centre - support + 0.5), 0);
  const int end = std::min(static_cast<int>(centre + support + 0.5), source_size);
  std::vector<double> exact;
  double total = 0;
  for (int x = window.first; x < end; ++x) {
    // The order of the operations is Pillow's: it decides the last bit.
    exact.push_back(
        filter_value(filter, (x - window.first + window.first - centre + 0.5) * (1.0 / stretch)));
    total += exact.back();
  }
  for (double weight : exact) {
    weight = total != 0 ? weight / total : weight;
    const double fixed = weight * (1 << kWeightBits);
    window.weights.push_back(static_cast<std::int32_t>(fixed + (weight < 0 ? -0.5 : 0.5)));
  }
  return window;
}

// Of `count` target pixels from `first` on.
std::vector<Window> windows(int source_size, int target_size, int first, int count, Filter filter) {
  std::vector<Window> result;
  const double scale = static_cast<double>(source_size) / target_size;
  for (int i = first; i < first + count; ++i) {
    result.push_back(window_at(i, scale, source_size, filter));
  }
  return result;
}

int end_of(const Window& window) { return window.first + static_cast<int>(window.weights.size()); }

std::uint8_t clipped(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// The rows from `first` to `end`.
Image resize_rows(const Image& image, const std::vector<Window>& columns, int first, int end,
                  const Check& check) {
  Image result{static_cast<int>(columns.size()), end - first, image.channels, {}};
  result.pixels.resize(result.byte_count());
  const auto channels = static_cast<std::size_t>(image.channels);
  std::uint8_t* out = result.pixels.data();
  for (int y = first; y < end; ++y) {
    if (check) check();
    const std::uint8_t* row = image.pixels.data() + static_cast<std::size_t>(y) *
                                                        static_cast<std::size_t>(image.width) *
                                                        channels;
    for (const Window& window : columns) {
      for (std::size_t c = 0; c < channels; ++c) {
        std::int32_t sum = 1 << (kWeightBits - 1);
        const std::uint8_t* pixel = row + static_cast<std::size_t>(window.first) * channels + c;
        for (const std::int32_t weight : window.weights) {
          sum += *pixel * weight;
          pixel += channels;
        }
        *out++ = clipped(sum);
      }
    }
  }
  return result;
}

// `image` begins with row `first` of the picture that `rows` are of.
Image resize_columns(const Image& image, const std::vector<Window>& rows, int first,
                     const Check& check) {
  Image result{image.width, static_cast<int>(rows.size()), image.channels, {}};
  result.pixels.resize(result.byte_count());
  const std::size_t stride =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  std::vector<std::int32_t> sums(stride);
  std::uint8_t* out = result.pixels.data();
  for (const Window& window : rows) {
    if (check) check();
    std::fill(sums.begin(), sums.end(), 1 << (kWeightBits - 1));
    const std::uint8_t* row =
        image.pixels.data() + static_cast<std::size_t>(window.first - first) * stride;
    for (const std::int32_t weight : window.weights) {
      for (std::size_t i = 0; i < stride; ++i) {
        sums[i] += row[i] * weight;
      }
      row += stride;
    }
    out = std::transform(sums.begin(), sums.end(), out, clipped);
  }
  return result;
}

Image premultiplied(Image image) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const std::uint32_t alpha = image.pixels[i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint32_t product = image.pixels[i + c] * alpha + 128;
      image.pixels[i + c] = static_cast<std::uint8_t>(((product >> 8U) + product) >> 8U);
    }
  }
  return image;
}

Image straight(Image image) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const int alpha = image.pixels[i + 3];
    for (std::size_t c = 0; alpha != 0 && alpha != 255 && c < 3; ++c) {
      image.pixels[i + c] =
          static_cast<std::uint8_t>(std::min(255 * image.pixels[i + c] / alpha, 255));
    }
  }
  return image;
}

bool lies_within(const Region& region, int width, int height) {
  return region.left >= 0 && region.top >= 0 && region.width >= 1 && region.height >= 1 &&
         region.width <= width - region.left && region.height <= height - region.top;
}

}  // namespace

Image resize(const Image& image, int width, int height, Filter filter, const Check& check) {
  check_image(image);
  if (width < 1 || height < 1 || width > kSideMax || height > kSideMax) {
    throw Error(ErrorCode::kInvalidArgument,
                "a picture cannot be resized to " + std::to_string(width) + "x" +
                    std::to_string(height) + ": each side must be from 1 to " +
                    std::to_string(kSideMax));
  }
  return resize_region(image, width, height, {0, 0, width, height}, filter, check);
}

Image resize_region(const Image& image, int width, int height, const Region& region, Filter filter,
                    const Check& check) {
  check_image(image);
  const bool fits = width <= kResizedSideMax && height <= kResizedSideMax &&
                    lies_within(region, width, height) && region.width <= kSideMax &&
                    region.height <= kSideMax;
  if (!fits) {
    throw Error(ErrorCode::kInvalidArgument,
                "a part of a picture of " + std::to_string(width) + "x" + std::to_string(height) +
                    " pixels cannot be made: it must lie within the picture, and each side must "
                    "be at most " +
                    std::to_string(kSideMax));
  }
  const bool same_columns = image.width == width && region.width == width;
  const bool same_rows = image.height == height && region.height == height;
  if (same_columns && same_rows) return image;
  const bool scaled = image.width != width || image.height != height;
  const bool with_alpha = scaled && image.channels == 4;
  if (check) check();
  const Image multiplied = with_alpha ? premultiplied(image) : Image{};
  const Image* source = with_alpha ? &multiplied : &image;  // it may be large: no copy is made
  Image result;
  std::vector<Window> rows;
  int first_row = 0, end_row = image.height;  // those that are used
  if (!same_rows) {
    rows = windows(image.height, height, region.top, region.height, filter);
    first_row = rows.front().first;
    end_row = end_of(rows.back());
  }
  if (!same_columns) {
    const auto columns = windows(image.width, width, region.left, region.width, filter);
    result = resize_rows(*source, columns, first_row, end_row, check);
    source = &result;
  } else {
    first_row = 0;
  }
  if (!same_rows) result = resize_columns(*source, rows, first_row, check);
  return with_alpha ? straight(std::move(result)) : result;
}

}  // namespace atelier::media
