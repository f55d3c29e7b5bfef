#include "http/base64.h"

#include <gtest/gtest.h>

#include <cctype>

namespace atelier::http {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Base64, MatchesTheVectorsOfTheStandard) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(bytes_of(plain)), encoded);
    EXPECT_EQ(base64_decode(encoded), bytes_of(plain));
  }
}

TEST(Base64, EveryByteSurvivesARoundTrip) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7));
  EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const std::string_view text : {"Zg", "Zg=", "Z===", "====", "Zm9v!mFy", "Zg==Zg==", "Zm9v=",
                                      "Zm-_", "\xff\xff\xff\xff", "Zh==", "Zm9=", "Zg==Zg"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
  EXPECT_FALSE(base64_decode(std::string_view{"Zm9v\0YmFy", 9}));
  for (int byte = 0; byte < 256; ++byte) {
    const char sign = static_cast<char>(byte);
    const bool known = byte < 0x80 && (std::isalnum(byte) != 0 || sign == '+' || sign == '/');
    EXPECT_EQ(base64_decode(std::string{"Zm9"} + sign).has_value(), known) << byte;
  }
}

TEST(Base64, LineBreaksBetweenSignsAreAllowed) {
  EXPECT_EQ(base64_decode("Zm9v\r\nYmFy\n"), bytes_of("foobar"));
  EXPECT_EQ(base64_decode("Zg =\t= "), bytes_of("f"));
  EXPECT_EQ(base64_decode(" \n"), bytes_of(""));
}

}  // namespace
}  // namespace atelier::http
