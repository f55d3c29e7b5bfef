#include "media/image/blend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "platform/error.h"

namespace atelier::media {
namespace {

// White from `first` to `last` on both axes, one channel.
Image square_mask(int side, int first, int last) {
  Image mask{side, side, 1, {}};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const bool inside = x >= first && x <= last && y >= first && y <= last;
      mask.pixels.push_back(inside ? 255 : 0);
    }
  }
  return mask;
}

int at(const Image& image, int x, int y) {
  return image.pixels[static_cast<std::size_t>(y * image.width + x)];
}

TEST(SoftEdge, WhiteStaysWhiteAndFarAwayIsExactlyNothing) {
  const Image mask = square_mask(40, 15, 20);
  for (const int edge : {1, 2, 7, 8}) {
    const Image soft = with_soft_edge(mask, edge);
    for (int y = 0; y < 40; ++y) {
      for (int x = 0; x < 40; ++x) {
        const int away = std::max({15 - x, x - 20, 15 - y, y - 20, 0});
        if (away == 0) {
          EXPECT_EQ(at(soft, x, y), 255) << edge << " at " << x << "," << y;
        } else if (away > edge) {
          EXPECT_EQ(at(soft, x, y), 0) << edge << " at " << x << "," << y;
        }
      }
    }
  }
}

TEST(SoftEdge, FallsSteadilyOutside) {
  const Image soft = with_soft_edge(square_mask(40, 15, 20), 8);
  for (int x = 20; x < 29; ++x) EXPECT_GE(at(soft, x, 17), at(soft, x + 1, 17)) << x;
  EXPECT_GT(at(soft, 25, 17), 60);
  EXPECT_LT(at(soft, 25, 17), 255);
}

TEST(SoftEdge, AHardEdgeIsTheMaskCutAtHalf) {
  EXPECT_EQ(with_soft_edge(Image{4, 1, 1, {0, 127, 128, 255}}, 0).pixels,
            (std::vector<std::uint8_t>{0, 0, 255, 255}));
}

TEST(SoftEdge, ReachesThePicturesBorderWithoutFading) {
  const Image soft = with_soft_edge(square_mask(16, 0, 5), 8);
  EXPECT_EQ(at(soft, 0, 0), 255);
  EXPECT_EQ(at(soft, 15, 15), 0);
  const Image whole = with_soft_edge(square_mask(16, 0, 15), 8);
  EXPECT_TRUE(std::ranges::all_of(whole.pixels, [](int pixel) { return pixel == 255; }));
}

TEST(Blended, TakesEachPictureExactlyAtTheEnds) {
  const Image below{3, 1, 3, {1, 2, 3, 1, 2, 3, 0, 0, 0}};
  const Image above{3, 1, 3, {251, 252, 253, 251, 252, 253, 255, 100, 0}};
  EXPECT_EQ(blended(below, above, {3, 1, 1, {0, 255, 51}}).pixels,
            (std::vector<std::uint8_t>{1, 2, 3, 251, 252, 253, 51, 20, 0}));
}

TEST(Blended, DifferentSizesOrChannelsAreRefused) {
  const Image one{1, 1, 3, {1, 2, 3}}, mask{1, 1, 1, {255}};
  EXPECT_THROW(blended(one, {2, 1, 3, {1, 2, 3, 4, 5, 6}}, mask), Error);
  EXPECT_THROW(blended(one, one, {2, 1, 1, {255, 255}}), Error);
  EXPECT_THROW(blended(one, {1, 1, 4, {1, 2, 3, 4}}, mask), Error);
  EXPECT_THROW(blended(one, one, one), Error);
}

}  // namespace
}  // namespace atelier::media
