#include "media/image/resample.h"

#include <gtest/gtest.h>

#include "../../../tests/golden/pattern_picture.h"
#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::media {
namespace {

using golden::pattern_picture;

std::uint64_t fingerprint(const Image& image) {  // FNV-1a
  std::uint64_t hash = 14695981039346656037ULL;
  for (const std::uint8_t byte : image.pixels) {
    hash = (hash ^ byte) * 1099511628211ULL;
  }
  return hash;
}

struct Golden {
  Filter filter;
  int channels, width, height, new_width, new_height;
  std::uint64_t fingerprint;
};

TEST(Resample, GivesPillowsBytes) {
  const Golden cases[] = {
#include "media/image/resample_golden.inc"
  };
  for (const Golden& golden : cases) {
    const Image resized = resize(pattern_picture(golden.width, golden.height, golden.channels),
                                 golden.new_width, golden.new_height, golden.filter);
    EXPECT_EQ(fingerprint(resized), golden.fingerprint)
        << golden.width << "x" << golden.height << "x" << golden.channels << " to "
        << golden.new_width << "x" << golden.new_height << " with filter "
        << static_cast<int>(golden.filter);
  }
}

Image cut(const Image& image, const Region& region) {
  Image part{region.width, region.height, image.channels, {}};
  const auto channels = static_cast<std::size_t>(image.channels);
  for (int y = region.top; y < region.top + region.height; ++y) {
    const auto first = (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                        static_cast<std::size_t>(region.left)) *
                       channels;
    const auto* row = image.pixels.data() + first;
    part.pixels.insert(part.pixels.end(), row,
                       row + static_cast<std::size_t>(region.width) * channels);
  }
  return part;
}

TEST(Resample, ARegionHasTheBytesOfTheWholePicture) {
  struct Case {
    int channels, width, height;
    Region region;
  };
  for (const Filter filter :
       {Filter::kBox, Filter::kBilinear, Filter::kBicubic, Filter::kLanczos}) {
    for (const Case& one : {Case{3, 30, 90, {5, 60, 25, 30}},  // smaller and larger
                            Case{1, 64, 47, {3, 2, 10, 44}},   // the height stays
                            Case{3, 33, 60, {1, 7, 32, 50}},   // the width stays
                            Case{4, 33, 47, {4, 5, 6, 7}},     // both stay
                            Case{4, 33, 20, {0, 0, 33, 20}}}) {
      const Image image = pattern_picture(33, 47, one.channels);
      EXPECT_EQ(resize_region(image, one.width, one.height, one.region, filter).pixels,
                cut(resize(image, one.width, one.height, filter), one.region).pixels)
          << one.width << "x" << one.height << " with filter " << static_cast<int>(filter);
    }
  }
}

TEST(Resample, ARegionOfAHugePictureIsMadeAlone) {
  const Image strip = pattern_picture(60000, 1, 3);
  const Image middle =
      resize_region(strip, 60000 * 384, 384, {60000 * 192, 0, 384, 384}, Filter::kBicubic);
  EXPECT_EQ(middle.pixels.size(), 384U * 384U * 3U);
  EXPECT_THROW(resize_region(strip, 10, 10, {5, 0, 6, 1}, Filter::kBox), Error);
  EXPECT_THROW(resize_region(strip, 10, 10, {-1, 0, 5, 5}, Filter::kBox), Error);
  EXPECT_THROW(resize_region(strip, 10, 10, {0, 0, 5, 0}, Filter::kBox), Error);
  EXPECT_THROW(resize_region(strip, kResizedSideMax + 1, 10, {0, 0, 5, 5}, Filter::kBox), Error);
}

TEST(Resample, GreyHasPillowsBytes) {
  EXPECT_EQ(fingerprint(to_grey(pattern_picture(37, 23, 3))),
            2171895226205797695ULL);  // Pillow convert("L")
  EXPECT_EQ(to_grey(to_rgb(pattern_picture(9, 9, 1))).pixels, pattern_picture(9, 9, 1).pixels);
}

TEST(Resample, CanBeEndedBetweenTheRowsOfEachPass) {
  const Image tall = pattern_picture(8, 900, 4);
  int calls = 0;
  resize(tall, 4, 700, Filter::kLanczos, [&] { ++calls; });
  EXPECT_GE(calls, 900 + 700);
  for (const int last : {1, 450, 1200}) {
    calls = 0;
    const auto stop = [&] {
      if (++calls == last) throw Error(ErrorCode::kCancelled, "enough");
    };
    EXPECT_THROW(resize(tall, 4, 700, Filter::kLanczos, stop), Error);
    EXPECT_EQ(calls, last);
  }
}

TEST(Resample, RefusesSizesAndImagesWithoutSense) {
  EXPECT_THROW(resize(pattern_picture(4, 4, 3), 0, 4, Filter::kBox), Error);
  EXPECT_THROW(resize(pattern_picture(4, 4, 3), 4, 70000, Filter::kBox), Error);
  Image lying = pattern_picture(4, 4, 3);
  lying.height = 5;
  EXPECT_THROW(resize(lying, 2, 2, Filter::kBox), Error);
  lying = pattern_picture(4, 4, 1);
  lying.channels = 2;
  EXPECT_THROW(to_rgb(lying), Error);
}

}  // namespace
}  // namespace atelier::media
