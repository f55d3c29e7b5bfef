#include "platform/log.h"

#include <gtest/gtest.h>

#include <vector>

namespace atelier::platform {
namespace {

TEST(Log, ALineStaysOneLineAndDoesNotSpeakToTheTerminal) {
  static std::vector<std::string> lines;
  set_log_sink([](LogLevel, std::string_view line) { lines.emplace_back(line); });
  log_info("gr\xc3\xbc\xc3\x9f, a\r\nforged line\x1b[2J\x7f\xc2\x9b");
  set_log_sink([](LogLevel, std::string_view) {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "gr\xc3\xbc\xc3\x9f, a\\x0d\\nforged line\\x1b[2J\\x7f\\x9b");
}

TEST(Log, EscapesWhatIsNoTextAndWhatTurnsIt) {
  using namespace std::string_literals;
  const auto escaped = [](const std::string& text) { return without_control_characters(text); };
  EXPECT_EQ(escaped("50 % of \xc3\xa9t\xc3\xa9 \xf0\x9f\x8e\xa8"),
            "50 % of \xc3\xa9t\xc3\xa9 \xf0\x9f\x8e\xa8");
  EXPECT_EQ(escaped("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(escaped("\0\t"s), "\\x00\\x09");
  EXPECT_EQ(escaped("\xe2\x80\xaegnp.exe"), "\\u202egnp.exe");  // from right to left
  EXPECT_EQ(escaped("\xe2\x80\xa8"), "\\u2028");                // the end of a line
  EXPECT_EQ(escaped("\xff\xfe\x9b"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace atelier::platform
