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

}  // namespace

void set_log_sink(LogSink new_sink) { sink() = std::move(new_sink); }

void log(LogLevel level, const std::string& line) { sink()(level, valid_utf8(line)); }

}  // namespace atelier::platform
