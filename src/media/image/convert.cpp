#include "media/image/convert.h"

#include <array>
#include <string>
#include <utility>

#include "platform/error.h"

namespace atelier::media {
namespace {

template <class Write>
Image converted(const Image& image, int channels, Write write) {
  check_image(image);
  Image result{image.width, image.height, channels, {}};
  result.pixels.resize(result.byte_count());
  const std::uint8_t* from = image.pixels.data();
  std::uint8_t* to = result.pixels.data();
  const std::size_t count = image.byte_count() / static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < count; ++i, from += image.channels, to += channels) {
    write(from, to);
  }
  return result;
}

}  // namespace

void check_image(const Image& image) {
  const bool known = image.channels == 1 || image.channels == 3 || image.channels == 4;
  if (!known || image.width < 1 || image.height < 1 || image.pixels.size() != image.byte_count()) {
    throw Error(ErrorCode::kInvalidArgument,
                "invalid picture: " + std::to_string(image.width) + "x" +
                    std::to_string(image.height) + " pixels with " +
                    std::to_string(image.channels) + " channels and " +
                    std::to_string(image.pixels.size()) + " bytes; send it again");
  }
}

// In place: a photograph may have 200 million pixels.
Image on_matte(Image image, Colour matte) {
  check_image(image);
  if (image.channels != 4) return image;
  const std::array<unsigned, 3> below{matte.red, matte.green, matte.blue};
  std::uint8_t* to = image.pixels.data();
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const unsigned alpha = image.pixels[i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned sum = image.pixels[i + c] * alpha + below[c] * (255 - alpha);
      *to++ = static_cast<std::uint8_t>((sum + 127) / 255);
    }
  }
  image.channels = 3;
  image.pixels.resize(image.byte_count());
  return image;
}

Image to_rgb(const Image& image) {
  if (image.channels != 1) return on_matte(image, kWhite);
  return converted(image, 3, [](const std::uint8_t* from, std::uint8_t* to) {
    to[0] = to[1] = to[2] = from[0];
  });
}

Image to_grey(const Image& image) {
  if (image.channels == 4) return to_grey(on_matte(image, kBlack));
  if (image.channels == 1) {
    check_image(image);
    return image;
  }
  return converted(image, 1, [](const std::uint8_t* from, std::uint8_t* to) {
    to[0] = static_cast<std::uint8_t>(
        (from[0] * 19595U + from[1] * 38470U + from[2] * 7471U + 0x8000U) >> 16U);
  });
}

}  // namespace atelier::media
