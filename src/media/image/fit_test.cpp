#include "media/image/fit.h"

#include <gtest/gtest.h>

namespace atelier::media {
namespace {

// Left half black, right half white, one channel.
Image halves(int width, int height) {
  Image image{width, height, 1, {}};
  for (int i = 0; i < width * height; ++i) {
    image.pixels.push_back(i % width < width / 2 ? 0 : 255);
  }
  return image;
}

int at(const Image& image, int x, int y) {
  return image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                      static_cast<std::size_t>(x)];
}

TEST(Fit, StretchFillsTheSizeAndKeepsBothHalves) {
  const Image image = fitted(halves(8, 4), 16, 16, Fit::kStretch, Filter::kBox, 9);
  EXPECT_EQ(at(image, 0, 0), 0);
  EXPECT_EQ(at(image, 15, 15), 255);
}

TEST(Fit, CoverCutsTheSidesEvenly) {
  const Image image = fitted(halves(16, 4), 8, 8, Fit::kCover, Filter::kBox, 9);
  ASSERT_EQ(image.width, 8);
  ASSERT_EQ(image.height, 8);
  EXPECT_EQ(at(image, 3, 7), 0);
  EXPECT_EQ(at(image, 4, 0), 255);
}

TEST(Fit, ContainFillsWhatIsLeftOver) {
  const Image image = fitted(halves(16, 8), 8, 8, Fit::kContain, Filter::kBox, 9);
  EXPECT_EQ(at(image, 0, 0), 9);
  EXPECT_EQ(at(image, 0, 1), 9);
  EXPECT_EQ(at(image, 0, 2), 0);
  EXPECT_EQ(at(image, 7, 5), 255);
  EXPECT_EQ(at(image, 7, 6), 9);
}

}  // namespace
}  // namespace atelier::media
