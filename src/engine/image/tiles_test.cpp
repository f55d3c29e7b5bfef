#include "engine/image/tiles.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "platform/error.h"

namespace atelier::engine {
namespace {

// Smooth shades, a sharp edge and some noise.
media::Image picture(int width, int height) {
  media::Image image{width, height, 3, {}};
  unsigned noise = 1;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        noise = noise * 1664525u + 1013904223u;
        const int shade = (x * (channel + 1) + 2 * y) % 256 + (x + y > width ? 60 : 0);
        image.pixels.push_back(
            static_cast<std::uint8_t>(std::min(255, shade / 2 + static_cast<int>(noise >> 27))));
      }
    }
  }
  return image;
}

Tensor repeated(const Tensor& tile) {
  return at::upsample_nearest2d(tile, {3 * tile.size(2), 3 * tile.size(3)});
}

// Each pixel becomes the mean of its neighbours, zeros outside: needs an overlap of 1.
Tensor blurred(const Tensor& tile) {
  return at::avg_pool2d(tile, {3, 3}, {1, 1}, {1, 1}, false, true);
}

media::Image whole(const media::Image& image, std::int64_t scale, const UpscaleTile& upscale) {
  return upscale_in_tiles(image, scale, {1024, 0, 1}, upscale);
}

TEST(Tiles, RangesKeepEveryPixelOnce) {
  for (const TileSpec spec : {TileSpec{8, 0, 1}, TileSpec{8, 2, 1}, TileSpec{9, 4, 1},
                              TileSpec{16, 3, 4}, TileSpec{13, 2, 2}}) {
    for (std::int64_t extent = 1; extent < 70; ++extent) {
      std::int64_t kept = 0;
      for (const TileRange& range : tile_ranges(extent, spec)) {
        EXPECT_EQ(range.keep_begin, kept);
        EXPECT_GT(range.keep_end, range.keep_begin);
        EXPECT_LE(range.end - range.begin, spec.size);
        EXPECT_EQ(range.begin % spec.multiple, 0);
        EXPECT_GE(range.keep_begin - range.begin, range.begin == 0 ? 0 : spec.overlap);
        EXPECT_GE(range.end - range.keep_end, range.end == extent ? 0 : spec.overlap);
        kept = range.keep_end;
      }
      EXPECT_EQ(kept, extent);
    }
  }
}

TEST(Tiles, TheGridDependsOnTheTilesAlone) {
  const TileSpec spec{32, 5, 2};
  const std::vector<TileRange> small = tile_ranges(100, spec), large = tile_ranges(1000, spec);
  for (std::size_t i = 0; i + 1 < small.size(); ++i) {
    EXPECT_EQ(small[i].begin, large[i].begin);
    EXPECT_EQ(small[i].keep_end, large[i].keep_end);
  }
}

TEST(Tiles, OverlapByTheReachUpToABound) {
  EXPECT_EQ(overlap_of(18), 18);
  EXPECT_EQ(overlap_of(349), TileSpec{}.overlap);
}

TEST(Tiles, GiveTheWholePictureWhereNothingCrossesTheirEdges) {
  const media::Image image = picture(53, 37);
  const media::Image tiled = upscale_in_tiles(image, 3, {16, 0, 1}, repeated);
  EXPECT_EQ(tiled.width, 159);
  EXPECT_EQ(tiled.height, 111);
  EXPECT_EQ(tiled.pixels, whole(image, 3, repeated).pixels);
}

TEST(Tiles, TheOverlapHidesTheirEdges) {
  const media::Image image = picture(53, 37), expected = whole(image, 1, blurred);
  EXPECT_EQ(upscale_in_tiles(image, 1, {16, 1, 1}, blurred).pixels, expected.pixels);
  EXPECT_NE(upscale_in_tiles(image, 1, {16, 0, 1}, blurred).pixels, expected.pixels);
}

TEST(Tiles, ABorderKeepsZerosBeyondTheEdgesOutOfTheResult) {
  media::Image flat{40, 20, 3, {}};
  flat.pixels.assign(flat.byte_count(), 90);
  const TileSpec without{16, 1, 1}, with{.size = 16, .overlap = 1, .multiple = 1, .border = 2};
  EXPECT_EQ(upscale_in_tiles(flat, 1, with, blurred).pixels, flat.pixels);
  EXPECT_NE(upscale_in_tiles(flat, 1, without, blurred).pixels, flat.pixels);
  // Nothing moves, and the result of a network that does not mix pixels stays.
  const media::Image image = picture(53, 37);
  EXPECT_EQ(upscale_in_tiles(image, 3, {16, 1, 1, 4}, repeated).pixels,
            whole(image, 3, repeated).pixels);
  // A picture that is smaller than its border.
  const media::Image dot = picture(1, 3);
  EXPECT_EQ(upscale_in_tiles(dot, 3, {16, 1, 1, 4}, repeated).pixels,
            whole(dot, 3, repeated).pixels);
}

TEST(Tiles, ReportEachTileAndStopBetweenThem) {
  const media::Image image = picture(40, 20);
  std::vector<std::int64_t> done;
  upscale_in_tiles(image, 3, {16, 2, 1}, repeated, [&](std::int64_t count, std::int64_t all) {
    done.push_back(count);
    EXPECT_EQ(all, 6);
  });
  EXPECT_EQ(done, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6}));
  int tiles = 0;
  const auto counted = [&](const Tensor& tile) { return ++tiles, repeated(tile); };
  EXPECT_THROW(upscale_in_tiles(image, 3, {16, 2, 1}, counted,
                                [](std::int64_t count, std::int64_t) {
                                  if (count == 2) throw Error(ErrorCode::kCancelled, "stopped");
                                }),
               Error);
  EXPECT_EQ(tiles, 2);
}

TEST(Tiles, GiveTheNetworkNoMoreThanTheirSize) {
  upscale_in_tiles(picture(90, 70), 3, {32, 6, 1}, [](const Tensor& tile) {
    EXPECT_LE(tile.size(2), 32);
    EXPECT_LE(tile.size(3), 32);
    EXPECT_EQ(tile.scalar_type(), at::kFloat);
    EXPECT_LE(tile.max().item<float>(), 1.0F);
    return repeated(tile);
  });
}

TEST(Tiles, RoundHalvesToEvenAndClamp) {
  const auto constant = [](double value) {
    return [value](const Tensor& tile) { return at::full_like(tile, value); };
  };
  const media::Image image = picture(2, 2);
  EXPECT_EQ(upscale_in_tiles(image, 1, {8, 0, 1}, constant(-1)).pixels[0], 0);
  EXPECT_EQ(upscale_in_tiles(image, 1, {8, 0, 1}, constant(2)).pixels[0], 255);
  EXPECT_EQ(upscale_in_tiles(image, 1, {8, 0, 1}, constant(0.5)).pixels[0], 128);  // 127.5
}

TEST(Tiles, RefuseImpossibleTilesPicturesAndResults) {
  EXPECT_THROW(tile_ranges(10, {8, 4, 1}), Error);
  EXPECT_THROW(tile_ranges(10, {8, -1, 1}), Error);
  EXPECT_THROW(tile_ranges(10, {8, 3, 4}), Error);
  EXPECT_THROW(tile_ranges(0, {8, 1, 1}), Error);
  EXPECT_THROW(tile_ranges(10, {0, std::int64_t{1} << 62, 1}), Error);
  media::Image alpha{2, 2, 4, std::vector<std::uint8_t>(16)};
  EXPECT_THROW(upscale_in_tiles(alpha, 3, {8, 0, 1}, repeated), Error);
  EXPECT_THROW(upscale_in_tiles(picture(4, 4), 2, {8, 0, 1}, repeated), Error);
}

}  // namespace
}  // namespace atelier::engine
