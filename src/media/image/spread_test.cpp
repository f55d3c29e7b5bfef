#include "media/image/spread.h"

#include <gtest/gtest.h>

#include <array>

#include "platform/error.h"

namespace atelier::media {
namespace {

using Rgba = std::array<std::uint8_t, 4>;

constexpr Rgba kRed{200, 10, 10, 255}, kFaint{9, 9, 250, 1}, kHiddenGreen{0, 255, 0, 0};

void set(Image& image, int x, int y, const Rgba& pixel) {
  for (std::size_t c = 0; c < 4; ++c) {
    image.pixels[static_cast<std::size_t>((y * image.width + x) * 4) + c] = pixel[c];
  }
}

Rgba at(const Image& image, int x, int y) {
  Rgba pixel{};
  for (std::size_t c = 0; c < 4; ++c) {
    pixel[c] = image.pixels[static_cast<std::size_t>((y * image.width + x) * 4) + c];
  }
  return pixel;
}

Image hidden_green(int width, int height) {
  Image image{width, height, 4, {}};
  image.pixels.resize(image.byte_count());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) set(image, x, y, kHiddenGreen);
  }
  return image;
}

TEST(ColourSpread, GoesFromVisiblePixelsIntoEveryDirection) {
  auto image = hidden_green(40, 30);
  set(image, 17, 12, kRed);
  const auto spread = with_colour_spread(image);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) {
      const bool visible = x == 17 && y == 12;
      EXPECT_EQ(at(spread, x, y), visible ? kRed : (Rgba{200, 10, 10, 0})) << x << "," << y;
    }
  }
}

TEST(ColourSpread, KeepsVisiblePixelsHoweverFaintAndGivesTheNearestOnesColour) {
  auto image = hidden_green(9, 1);
  set(image, 0, 0, kRed);
  set(image, 8, 0, kFaint);
  const auto spread = with_colour_spread(image);
  EXPECT_EQ(at(spread, 0, 0), kRed);
  EXPECT_EQ(at(spread, 8, 0), kFaint);
  EXPECT_EQ(at(spread, 3, 0), (Rgba{200, 10, 10, 0}));
  EXPECT_EQ(at(spread, 5, 0), (Rgba{9, 9, 250, 0}));
}

TEST(ColourSpread, LeavesAPictureWithoutVisiblePixelsAsItIsAndRefusesOtherPictures) {
  const auto image = hidden_green(5, 4);
  EXPECT_EQ(with_colour_spread(image).pixels, image.pixels);
  EXPECT_THROW(with_colour_spread(Image{2, 2, 3, std::vector<std::uint8_t>(12)}), Error);
}

}  // namespace
}  // namespace atelier::media
