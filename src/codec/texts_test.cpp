#include "codec/texts.h"

#include <gtest/gtest.h>

namespace atelier::codec {
namespace {

const std::string kEmoji = "\xF0\x9F\x94\xB4";

TEST(Texts, Latin1GoesBothWays) {
  EXPECT_EQ(latin1_to_utf8("gr\xFC\xDF"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(utf8_to_latin1("gr\xC3\xBC\xC3\x9F"), "gr\xFC\xDF");
  EXPECT_FALSE(utf8_to_latin1(kEmoji));
  EXPECT_FALSE(utf8_to_latin1("\xC4\x80"));  // U+0100, the first one outside
}

TEST(Texts, Utf16GoesBothWays) {
  const std::string text = "a\xC3\xBC\xE2\x82\xAC" + kEmoji;
  const std::string wide = utf8_to_utf16be(text);
  EXPECT_EQ(wide, std::string("\0a\0\xFC\x20\xAC\xD8\x3D\xDD\x34", 10));
  EXPECT_EQ(utf16_to_utf8(wide, true), text);
  EXPECT_EQ(utf16_to_utf8(std::string("a\0b\0", 4), false), "ab");
  EXPECT_EQ(utf16_to_utf8("\xD8\x3D", true), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace atelier::codec
