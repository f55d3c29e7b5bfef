#include "platform/log.h"

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

void append_escaped(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (byte == '\n') {
    out += "\\n";
  } else {
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
}

}  // namespace

std::string without_control_characters(std::string_view text) {
  constexpr unsigned char kDelete = 0x7f;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte < ' ' || byte == kDelete) {
      append_escaped(out, byte);
    } else if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {  // U+0080 to U+009F as UTF-8
      append_escaped(out, next);
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

void set_log_sink(LogSink new_sink) { sink() = std::move(new_sink); }

void log(LogLevel level, const std::string& line) {
  sink()(level, without_control_characters(valid_utf8(line)));
}

}  // namespace atelier::platform
