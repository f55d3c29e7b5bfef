#include "json/document_size.h"

#include <gtest/gtest.h>

#include <string>

namespace atelier::json {
namespace {

TEST(DocumentSize, CountsAllButLongStrings) {
  const std::string picture(1000, 'A');
  EXPECT_EQ(bytes_beside_long_strings("", 100), 0U);
  EXPECT_EQ(bytes_beside_long_strings(R"({"a":[1,2]})", 100), 11U);
  EXPECT_EQ(bytes_beside_long_strings("{\"a\":\"" + picture + "\"}", 100), 6U);
  EXPECT_EQ(bytes_beside_long_strings("[\"" + picture + "\",\"" + picture + "\"]", 100), 3U);
  EXPECT_EQ(bytes_beside_long_strings("{\"" + picture + "\":0}", 100), 4U);  // a key is one too
  const std::string zeros(1000, '0');
  EXPECT_EQ(bytes_beside_long_strings(zeros, 100), 1000U);
}

TEST(DocumentSize, AQuoteBehindABackslashEndsNothing) {
  std::string quotes;
  for (int i = 0; i < 200; ++i) quotes += "\\\"";
  EXPECT_EQ(bytes_beside_long_strings("[\"" + quotes + "\"]", 100), 2U);
  // Two backslashes are one letter, and the string ends.
  EXPECT_EQ(bytes_beside_long_strings(R"(["\\",")" + std::string(200, '0') + "\"]", 100), 7U);
}

TEST(DocumentSize, ReadsWhatIsNoJsonToItsEnd) {
  EXPECT_EQ(bytes_beside_long_strings("\"" + std::string(1000, 'A'), 100), 0U);
  EXPECT_EQ(bytes_beside_long_strings("]]\"", 100), 3U);
  const std::string backslashes = "\"" + std::string(1'000'000, '\\');
  EXPECT_EQ(bytes_beside_long_strings(backslashes, 100), 0U);
}

}  // namespace
}  // namespace atelier::json
