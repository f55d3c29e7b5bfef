#include "platform/ascii.h"

#include <gtest/gtest.h>

namespace atelier::platform {
namespace {

TEST(Ascii, LowersTheLettersOfAsciiOnly) {
  EXPECT_EQ(lower("AZaz@[`{09 -_"), "azaz@[`{09 -_");
  EXPECT_EQ(lower("\xC3\x84\xFF"), "\xC3\x84\xFF");  // the bytes of UTF-8 stay as they are
  EXPECT_EQ(lower(std::string_view{"A\0B", 3}), (std::string_view{"a\0b", 3}));
  EXPECT_EQ(lower(""), "");
}

TEST(Ascii, ComparesWithoutCase) {
  EXPECT_TRUE(equal_without_case("Content-Length", "content-lENGTH"));
  EXPECT_FALSE(equal_without_case("Content", "Content-Length"));
  EXPECT_FALSE(equal_without_case("[", "{"));  // 0x20 apart, and no letters
}

}  // namespace
}  // namespace atelier::platform
