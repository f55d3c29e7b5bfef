// What a child writes on its standard output and error, made into lines of the log: none is longer
// than kOutputLineBytesMax, and a child that writes without limit cannot displace other lines of
// the log. Used by the thread that watches the child; pure, the time is given.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace atelier::platform {

inline constexpr std::size_t kOutputLineBytesMax = 500;  // a library's longest sentence
inline constexpr double kOutputLinesAtOnce = 150;        // a sanitizer's whole report
inline constexpr double kOutputLinesPerSecond = 1;       // 8 MB of log last for hours

class OutputLines {
 public:
  using Clock = std::chrono::steady_clock;
  explicit OutputLines(std::function<void(const std::string&)> write) : write_(std::move(write)) {}

  void feed(std::string_view bytes, Clock::time_point now);
  void finish();  // the child has ended: what is left is its last line

 private:
  void end_line();
  void write_left_out();

  std::function<void(const std::string&)> write_;
  std::string line_;
  std::size_t size_ = 0;      // of the whole line, also what is not kept
  std::size_t left_out_ = 0;  // lines since the last one that was written
  double allowed_ = kOutputLinesAtOnce;
  Clock::time_point last_{};
};

}  // namespace atelier::platform
