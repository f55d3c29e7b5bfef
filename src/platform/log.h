// Where log lines go. The layers write here; each program says at its start what to do with a line
// (spdlog in the station, standard error in its children). Thread-safe once set. A line may quote
// anything from outside: it is made valid UTF-8, and characters that end a line or control a
// terminal are escaped.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace atelier::platform {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogSink = std::function<void(LogLevel, std::string_view line)>;

void set_log_sink(LogSink sink);  // before any other thread runs
void log(LogLevel level, const std::string& line);

// "a\nb\x1b[2J" with the line's end and the escape written out, so that it is one harmless line;
// the same for marks that change the direction of text. Valid UTF-8, whatever the text was. For all
// that is printed for a person and came from outside.
std::string without_control_characters(std::string_view text);

inline void log_info(const std::string& line) { log(LogLevel::kInfo, line); }
inline void log_warning(const std::string& line) { log(LogLevel::kWarning, line); }
inline void log_error(const std::string& line) { log(LogLevel::kError, line); }

}  // namespace atelier::platform
