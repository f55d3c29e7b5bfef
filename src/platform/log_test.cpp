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

}  // namespace
}  // namespace atelier::platform
