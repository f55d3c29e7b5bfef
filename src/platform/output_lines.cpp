#include "platform/output_lines.h"

#include <algorithm>

#include "platform/utf8.h"

namespace atelier::platform {
namespace {

constexpr std::size_t kLetterBytesMax = 4;

}  // namespace

void OutputLines::feed(std::string_view bytes, Clock::time_point now) {
  if (last_ != Clock::time_point{}) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    allowed_ = std::min(kOutputLinesAtOnce, allowed_ + seconds * kOutputLinesPerSecond);
  }
  last_ = now;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    // A little more than is written, so that the cut can be made between two characters.
    const std::size_t kept = std::min(end, kOutputLineBytesMax + kLetterBytesMax - line_.size());
    line_.append(bytes.substr(0, kept));
    size_ += end;
    if (end == bytes.size()) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void OutputLines::finish() {
  end_line();
  write_left_out();
}

void OutputLines::end_line() {
  if (line_.empty()) return;
  if (allowed_ >= 1) {
    write_left_out();
    allowed_ -= 1;
    const std::string line = cut(line_, kOutputLineBytesMax);
    const std::size_t rest = size_ - line.size();
    write_(rest == 0 ? line : line + " ... and " + std::to_string(rest) + " more bytes");
  } else {
    ++left_out_;
  }
  line_.clear();
  size_ = 0;
}

void OutputLines::write_left_out() {
  if (left_out_ == 0) return;
  write_("wrote too much: " + std::to_string(left_out_) + " lines are left out");
  left_out_ = 0;
}

}  // namespace atelier::platform
