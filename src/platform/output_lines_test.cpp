#include "platform/output_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace atelier::platform {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

struct Written {
  std::vector<std::string> lines;
  OutputLines output{[this](const std::string& line) { lines.push_back(line); }};
  OutputLines::Clock::time_point now{seconds(1000)};
};

TEST(OutputLines, AreCutFromWhateverPiecesArrive) {
  Written written;
  written.output.feed("one\ntw", written.now);
  EXPECT_THAT(written.lines, ElementsAre("one"));
  written.output.feed("o\n\n\nthree", written.now);
  EXPECT_THAT(written.lines, ElementsAre("one", "two"));
  written.output.finish();
  EXPECT_THAT(written.lines, ElementsAre("one", "two", "three"));
}

TEST(OutputLines, ALongOneIsCutAndSaysSo) {
  Written written;
  for (int i = 0; i < 1000; ++i) written.output.feed("0123456789", written.now);
  written.output.feed("\nnext\n", written.now);
  ASSERT_EQ(written.lines.size(), 2U);
  EXPECT_LT(written.lines[0].size(), kOutputLineBytesMax + 50);
  EXPECT_THAT(written.lines[0], HasSubstr(" ... and 9500 more bytes"));
  EXPECT_EQ(written.lines[1], "next");
}

TEST(OutputLines, ALongOneIsCutBetweenLetters) {
  Written written;
  std::string line(kOutputLineBytesMax - 1, 'a');
  written.output.feed(line + "\xe2\x82", written.now);
  written.output.feed("\xac\n", written.now);
  EXPECT_THAT(written.lines, ElementsAre(line + " ... and 3 more bytes"));
}

TEST(OutputLines, AFloodIsCountedAndNotWritten) {
  Written written;
  for (int i = 0; i < 5000; ++i) written.output.feed("noise\n", written.now);
  EXPECT_EQ(written.lines.size(), static_cast<std::size_t>(kOutputLinesAtOnce));
  written.output.feed("later\n", written.now + seconds(1));
  ASSERT_EQ(written.lines.size(), static_cast<std::size_t>(kOutputLinesAtOnce) + 2);
  EXPECT_THAT(written.lines[written.lines.size() - 2], HasSubstr("4850 lines are left out"));
  EXPECT_EQ(written.lines.back(), "later");
  for (int i = 0; i < 10; ++i) written.output.feed("noise\n", written.now + seconds(1));
  written.output.finish();
  EXPECT_THAT(written.lines.back(), HasSubstr("10 lines are left out"));
}

TEST(OutputLines, AQuietChildMayWriteAWholeReportAgain) {
  Written written;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kOutputLinesAtOnce; ++i) written.output.feed("line\n", written.now);
    written.now += seconds(600);
  }
  EXPECT_EQ(written.lines.size(), static_cast<std::size_t>(3 * kOutputLinesAtOnce));
}

}  // namespace
}  // namespace atelier::platform
