#include "media/image/convert.h"

#include <gtest/gtest.h>

#include "platform/error.h"

namespace atelier::media {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(Convert, HiddenColourUnderTransparentPixelsNeverShows) {
  const Image hidden{2, 1, 4, {255, 0, 0, 0, 10, 20, 30, 255}};
  EXPECT_EQ(on_matte(hidden, {1, 2, 3}).pixels, (Bytes{1, 2, 3, 10, 20, 30}));
  EXPECT_EQ(to_rgb(hidden).pixels, (Bytes{255, 255, 255, 10, 20, 30}));
  EXPECT_EQ(to_grey(Image{1, 1, 4, {255, 255, 255, 0}}).pixels, Bytes{0});
}

TEST(Convert, HalfTransparentPartsAreBlended) {
  const Image half{3, 1, 4, {0, 0, 0, 128, 200, 100, 0, 51, 255, 255, 255, 1}};
  const Image white = on_matte(half, kWhite);
  EXPECT_EQ(white.channels, 3);
  EXPECT_EQ(white.pixels, (Bytes{127, 127, 127, 244, 224, 204, 255, 255, 255}));
  EXPECT_EQ(on_matte(half, kBlack).pixels, (Bytes{0, 0, 0, 40, 20, 0, 1, 1, 1}));
}

TEST(Convert, WithoutTransparencyNothingChanges) {
  const Image rgb{1, 1, 3, {5, 6, 7}}, grey{1, 1, 1, {9}};
  EXPECT_EQ(on_matte(rgb, kBlack).pixels, rgb.pixels);
  EXPECT_EQ(on_matte(grey, kBlack).channels, 1);
  EXPECT_EQ(to_rgb(grey).pixels, (Bytes{9, 9, 9}));
  EXPECT_EQ(to_grey(Image{1, 1, 3, {255, 255, 255}}).pixels, Bytes{255});
}

TEST(Convert, PicturesWithoutSenseAreRefused) {
  for (const Image& image :
       {Image{1, 1, 4, {1, 2, 3}}, Image{1, 1, 2, {1, 2}}, Image{0, 1, 3, {}}}) {
    EXPECT_THROW(on_matte(image, kWhite), Error);
    EXPECT_THROW(to_rgb(image), Error);
    EXPECT_THROW(to_grey(image), Error);
  }
}

}  // namespace
}  // namespace atelier::media
