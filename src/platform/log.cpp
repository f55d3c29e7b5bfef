#include "platform/log.h"

#include <array>
#include <cstdio>
#include <utility>

#include "platform/utf8.h"

namespace atelier::platform {
namespace {

// The one global that house rules allow.
LogSink& sink() {
  static LogSink current = [](LogLevel level, std::string_view line) {
    if (level == LogLevel::kDebug) return;
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  return current;
}

bool is_control(char32_t character) {
  return character < 0x20 || (character >= 0x7f && character < 0xa0);  // C0, DEL, C1
}

// Line separators that are not control characters, and marks that change the direction of text.
bool changes_layout(char32_t character) {
  return (character >= 0x2028 && character <= 0x202e) ||
         (character >= 0x2066 && character <= 0x2069) || character == 0x200e ||
         character == 0x200f || character == 0x061c;
}

void append_escaped(std::string& out, char32_t character) {
  if (character == '\n') {
    out += "\\n";
    return;
  }
  std::array<char, 16> text{};
  const char* format = character < 0x100 ? "\\x%02x" : "\\u%04x";
  std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(character));
  out += text.data();
}

}  // namespace

std::string without_control_characters(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (is_control(point.value) || changes_layout(point.value)) {
      append_escaped(line, point.value);
    } else {
      append_utf8(line, point.value);
    }
    text.remove_prefix(point.bytes);
  }
  return line;
}

void set_log_sink(LogSink new_sink) { sink() = std::move(new_sink); }

void log(LogLevel level, const std::string& line) {
  sink()(level, without_control_characters(line));
}

}  // namespace atelier::platform
