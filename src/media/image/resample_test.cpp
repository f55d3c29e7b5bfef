#include "media/image/resample.h"

#include <gtest/gtest.h>

#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::media {
namespace {

// Smooth ramps, hard edges and noise; the same in tools/reference/make_resample_goldens.py.
Image pattern(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int block = ((x / 5 + y / 7 + c) % 2) * 255;
        const int ramp = (x * 3 + y * 5 + c * 40) % 256;
        const int noise = (x * 7919 + y * 104729 + c * 1299709) % 251;
        image.pixels.push_back(
            static_cast<std::uint8_t>((x + y) % 3 == 0 ? block : (x % 4 == 0 ? noise : ramp)));
      }
    }
  }
  return image;
}

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
    const Image resized = resize(pattern(golden.width, golden.height, golden.channels),
                                 golden.new_width, golden.new_height, golden.filter);
    EXPECT_EQ(fingerprint(resized), golden.fingerprint)
        << golden.width << "x" << golden.height << "x" << golden.channels << " to "
        << golden.new_width << "x" << golden.new_height << " with filter "
        << static_cast<int>(golden.filter);
  }
}

TEST(Resample, GreyHasPillowsBytes) {
  EXPECT_EQ(fingerprint(to_grey(pattern(37, 23, 3))),
            2171895226205797695ULL);  // Pillow convert("L")
  EXPECT_EQ(to_grey(to_rgb(pattern(9, 9, 1))).pixels, pattern(9, 9, 1).pixels);
}

TEST(Resample, CanBeEndedBetweenTheRowsOfEachPass) {
  const Image tall = pattern(8, 900, 4);
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
  EXPECT_THROW(resize(pattern(4, 4, 3), 0, 4, Filter::kBox), Error);
  EXPECT_THROW(resize(pattern(4, 4, 3), 4, 70000, Filter::kBox), Error);
  Image lying = pattern(4, 4, 3);
  lying.height = 5;
  EXPECT_THROW(resize(lying, 2, 2, Filter::kBox), Error);
  lying = pattern(4, 4, 1);
  lying.channels = 2;
  EXPECT_THROW(to_rgb(lying), Error);
}

}  // namespace
}  // namespace atelier::media
