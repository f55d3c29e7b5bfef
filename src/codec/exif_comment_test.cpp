#include "codec/exif_comment.h"

#include <gtest/gtest.h>

namespace atelier::codec {
namespace {

TEST(ExifComment, SurvivesARoundTrip) {
  const std::string text = "a red circle, gr\xC3\xBCn \xF0\x9F\x94\xB4\nSteps: 20";
  const auto exif = make_exif_comment(text);
  ASSERT_TRUE(exif);
  EXPECT_EQ(read_exif_comment(*exif), text);
}

TEST(ExifComment, ATextThatNoJpegCanHoldIsLeftOut) {
  EXPECT_TRUE(make_exif_comment(std::string(32'000, 'x')));
  EXPECT_FALSE(make_exif_comment(std::string(40'000, 'x')));
}

TEST(ExifComment, BrokenBlocksAreNoComment) {
  const auto exif = make_exif_comment("some text").value();
  for (std::size_t size = 0; size < exif.size(); ++size) {
    EXPECT_FALSE(read_exif_comment({exif.data(), size})) << size;
  }
  for (std::size_t i = 6; i < exif.size(); ++i) {
    auto broken = exif;
    broken[i] = 0xff;  // must not read outside of the block for any value
    read_exif_comment(broken);
  }
}

}  // namespace
}  // namespace atelier::codec
