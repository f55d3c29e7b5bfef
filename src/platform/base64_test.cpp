#include "platform/base64.h"

#include <gtest/gtest.h>

namespace atelier::platform {
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
  for (const std::string_view text :
       {"Zg", "Zg=", "Z===", "====", "Zm9v!mFy", "Zg==Zg==", "Zm9v=", "Zm-_", "\xff\xff\xff\xff"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Base64, LineBreaksBetweenSignsAreAllowed) {
  EXPECT_EQ(base64_decode("Zm9v\r\nYmFy\n"), bytes_of("foobar"));
}

}  // namespace
}  // namespace atelier::platform
