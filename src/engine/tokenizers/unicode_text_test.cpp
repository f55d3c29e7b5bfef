#include "engine/tokenizers/unicode_text.h"

#include <gtest/gtest.h>

#include "platform/utf8.h"

namespace atelier::engine {
namespace {

TEST(UnicodeText, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(decode_utf8("a\xff\xc3(\xe2\x82"), U"a\ufffd\ufffd(\ufffd");
  EXPECT_EQ(decode_utf8("\xc0\x80"), U"\ufffd\ufffd");    // an overlong zero
  EXPECT_EQ(decode_utf8("\xed\xa0\x80"), U"\ufffd");      // a surrogate
  EXPECT_EQ(decode_utf8("\xf4\x90\x80\x80"), U"\ufffd");  // beyond U+10FFFF
  EXPECT_EQ(decode_utf8("é😀"), U"é😀");
}

TEST(UnicodeText, WritesWhatItReads) {
  for (const char32_t c : {U'a', U'é', U'한', U'😀', U'\u07ff', U'\u0800', U'\U0010ffff'}) {
    std::string text;
    platform::append_utf8(text, c);
    EXPECT_EQ(decode_utf8(text), std::u32string(1, c));
  }
}

TEST(UnicodeText, ComposesInCanonicalOrder) {
  EXPECT_EQ(normalize_nfc(U"e\u0301"), U"é");
  // From the standard's own examples (UAX 15): marks are ordered, then composed with the starter.
  EXPECT_EQ(normalize_nfc(U"\u1e0a\u0323"), U"\u1e0c\u0307");
  EXPECT_EQ(normalize_nfc(U"\u1e9b\u0323"), U"\u1e9b\u0323");
  EXPECT_EQ(normalize_nfc(U"\u1112\u1161\u11ab"), U"한");
  EXPECT_EQ(normalize_nfc(U"\u212b\u0958"), U"\u00c5\u0915\u093c");  // the second is excluded
  EXPECT_EQ(normalize_nfc(U"a\u0315\u0300\u05ae\u0300b"), U"\u00e0\u05ae\u0300\u0315b");
}

TEST(UnicodeText, LowersOneByOne) { EXPECT_EQ(to_lower(U"ΑΣ İ ẞ"), U"ασ i\u0307 ß"); }

}  // namespace
}  // namespace atelier::engine
