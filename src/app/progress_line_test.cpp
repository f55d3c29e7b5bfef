#include "app/progress_line.h"

#include <gtest/gtest.h>

#include <cmath>

namespace atelier::app {
namespace {

domain::Job denoising(int step) {
  domain::Job job;
  job.progress = {{.stage = "denoise",
                   .step = step,
                   .total = 20,
                   .eta_seconds = 63.4,
                   .steps_per_second = 3.414},
                  step / 20.0,
                  ""};
  return job;
}

TEST(ProgressLine, ShowsStepSpeedAndTimeLeft) {
  EXPECT_EQ(progress_text(denoising(12)), "denoise  12/20  60 %  3.41 it/s  ETA 1:03");
  EXPECT_EQ(progress_text(domain::Job{}), "queued  0 %");
  EXPECT_EQ(progress_bar(0.5, 4), "[##..]");
  EXPECT_EQ(progress_bar(7, 4), "[####]");
}

TEST(ProgressLine, DropsControlCharactersAndNumbersOutOfRange) {
  domain::Job job;
  job.progress.stage = "\x1b]0;title\a";
  job.progress.fraction = 1e308;
  EXPECT_EQ(progress_text(job).find('\x1b'), std::string::npos);
  EXPECT_TRUE(progress_text(job).ends_with("  100 %"));
  job.progress.fraction = std::nan("");
  EXPECT_TRUE(progress_text(job).ends_with("  0 %"));
}

TEST(ProgressLine, WritesPlainLinesWhereThereIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    ProgressLine line(file);
    for (int step = 1; step <= 20; ++step) line.show(denoising(step));
  }
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  ASSERT_EQ(std::fseek(file, 0, SEEK_SET), 0);
  ASSERT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);  // one for each tenth
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

}  // namespace
}  // namespace atelier::app
