// The progress of a job on standard error: one line that is redrawn on a terminal, plain lines
// elsewhere. One thread. The texts are pure functions, for tests.
#pragma once

#include <cstdio>
#include <string>

#include "domain/jobs/job.h"

namespace atelier::app {

// "denoise  12/20  60 %  3.41 it/s  ETA 0:03"
std::string progress_text(const domain::Job& job);
// "[##########··········]" of `width` marks.
std::string progress_bar(double fraction, int width);
std::string minutes(double seconds);  // "0:03", "12:00"

class ProgressLine {
 public:
  explicit ProgressLine(std::FILE* out);
  ~ProgressLine();  // ends the line
  void show(const domain::Job& job);

 private:
  std::FILE* out_;
  bool terminal_;
  bool open_ = false;
  std::string last_;  // plain lines: the last one written
};

}  // namespace atelier::app
