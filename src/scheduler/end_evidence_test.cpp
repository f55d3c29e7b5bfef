#include "scheduler/end_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace atelier::scheduler {
namespace {

constexpr platform::ProcessEnd kKilled{.exit_code = -1, .signal = SIGKILL};
constexpr platform::ProcessEnd kFailed{.exit_code = 3, .signal = 0};

TEST(EndEvidence, LackOfMemoryIsNamedWhereTheKernelCountedAKill) {
  EXPECT_EQ(describe_end(kKilled, "", false), "was killed by signal 9 (Killed)");
  EXPECT_EQ(describe_end(kKilled, "", true),
            "was killed by signal 9 (Killed), probably by the kernel because memory ran out");
  EXPECT_EQ(describe_end(kFailed, "", true), "exited with code 3");
}

TEST(EndEvidence, TheLastLineHasNoFoldersOfThisMachine) {
  EXPECT_EQ(describe_end(kFailed, "what(): out of patience", false),
            "exited with code 3 (its last line: \"what(): out of patience\")");
  for (const auto& [line, shown] :
       {std::pair("cannot open '/home/eve/models/a b.bin'", "cannot open 'a b.bin'"),
        std::pair("/usr/bin/x: 3 files/s and/or (/a/b)", "x: 3 files/s and/or (b)"),
        std::pair("path=/srv/data/, /", "path=, ")}) {
    EXPECT_THAT(describe_end(kFailed, line, false),
                testing::EndsWith(std::string(": \"") + shown + "\")"));
  }
}

TEST(EndEvidence, ALongLineIsCutAndControlCharactersAreLeftOut) {
  const auto sentence = describe_end(kFailed, "\x1b[31m" + std::string(5000, 'x'), false);
  EXPECT_LT(sentence.size(), 300U);
  EXPECT_EQ(sentence.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace atelier::scheduler
