#include "platform/utf8.h"

#include <gtest/gtest.h>

#include <random>

namespace atelier::platform {
namespace {

constexpr std::string_view kLetters = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8E\xA8z";  // aü€🎨z

std::string random_text(std::mt19937& random, std::size_t letters) {
  std::string text;
  while (letters > 0) {
    // Small ones as often as large ones.
    const auto value = static_cast<char32_t>(random() % 0x110000) >> (random() % 17);
    if (value >= 0xd800 && value <= 0xdfff) continue;
    append_utf8(text, value);
    --letters;
  }
  return text;
}

std::string random_bytes(std::mt19937& random, std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(random() & 0xffU);
  return bytes;
}

TEST(Utf8, IsRecognised) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(kLetters));
  for (const std::string_view text : {"\xC3", "\xFF", "\x80", "\xC0\xAF", "\xE0\x80\xAF",
                                      "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(Utf8, WhatIsNoTextIsReplacedByteByByte) {
  EXPECT_EQ(valid_utf8(kLetters), kLetters);
  EXPECT_EQ(valid_utf8("a\xC3(\xFF"), "a\xEF\xBF\xBD(\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80").size(), 9U);
}

TEST(Utf8, ACutNeverDividesALetter) {
  EXPECT_EQ(cut(kLetters, 100), kLetters);
  const std::string_view cuts[] = {"",
                                   "a",
                                   "a",
                                   "a\xC3\xBC",
                                   "a\xC3\xBC",
                                   "a\xC3\xBC",
                                   "a\xC3\xBC\xE2\x82\xAC",
                                   "a\xC3\xBC\xE2\x82\xAC",
                                   "a\xC3\xBC\xE2\x82\xAC",
                                   "a\xC3\xBC\xE2\x82\xAC",
                                   "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8E\xA8",
                                   kLetters};
  for (std::size_t size = 0; size <= kLetters.size(); ++size) {
    EXPECT_EQ(cut(kLetters, size), cuts[size]) << size;
  }
}

TEST(Utf8, ACutLosesAtMostThreeBytesAndBrokenBytesStay) {
  EXPECT_EQ(cut(std::string(10, '\x80'), 7), std::string(7, '\x80'));
  EXPECT_EQ(cut("\xF0\x9F\x8E!!", 2), "\xF0\x9F");  // no letter begins here
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto text = random_text(random, random() % 40);
    const auto bytes = random_bytes(random, random() % 60);
    const std::size_t limit = random() % 64;
    const auto short_text = cut(text, limit);
    EXPECT_TRUE(is_utf8(short_text));
    EXPECT_TRUE(text.starts_with(short_text));
    EXPECT_LE(short_text.size(), limit);
    EXPECT_GE(short_text.size() + 3, std::min(limit, text.size()));
    const auto short_bytes = cut(bytes, limit);
    EXPECT_TRUE(bytes.starts_with(short_bytes));
    EXPECT_LE(short_bytes.size(), limit);
    EXPECT_GE(short_bytes.size() + 3, std::min(limit, bytes.size()));
  }
}

TEST(Utf8, AnyBytesBecomeValidAndValidTextStays) {
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    const auto text = random_text(random, random() % 40);
    EXPECT_TRUE(is_utf8(text));
    EXPECT_EQ(valid_utf8(text), text);
    const auto mended = valid_utf8(random_bytes(random, random() % 60));
    EXPECT_TRUE(is_utf8(mended));
    EXPECT_EQ(valid_utf8(mended), mended);
  }
}

}  // namespace
}  // namespace atelier::platform
