#include "scheduler/end_evidence.h"

#include <csignal>

#include "platform/log.h"
#include "platform/process.h"
#include "platform/utf8.h"

namespace atelier::scheduler {
namespace {

constexpr std::size_t kLastLineBytesMax = 200;
constexpr std::string_view kBeforePath = " \t'\"(<=:,", kAfterPath = " \t'\")>,";

// Every absolute path is shortened to its last part.
std::string without_folders(std::string_view line) {
  std::string text;
  while (!line.empty()) {
    const bool may_begin = text.empty() || kBeforePath.find(text.back()) != std::string_view::npos;
    if (may_begin && line.front() == '/') {
      const auto path = line.substr(0, line.find_first_of(kAfterPath));
      line.remove_prefix(path.rfind('/') + 1);
      if (line.empty()) break;
    }
    text += line.front();
    line.remove_prefix(1);
  }
  return text;
}

}  // namespace

std::string describe_end(const platform::ProcessEnd& end, std::string_view last_line,
                         bool memory_ran_out) {
  std::string sentence = platform::describe(end);
  if (end.signal == SIGKILL && memory_ran_out) {
    sentence += ", probably by the kernel because memory ran out";
  }
  if (last_line.empty()) return sentence;
  const auto line = platform::without_control_characters(without_folders(last_line));
  return sentence + " (its last line: \"" + platform::cut(line, kLastLineBytesMax) + "\")";
}

}  // namespace atelier::scheduler
