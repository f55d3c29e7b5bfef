// Where log lines go. The layers write here; each program says at its start what to do with a line
// (spdlog in the station, standard error in its children). A line is made valid UTF-8 on its way.
// Thread-safe once set.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace atelier::platform {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogSink = std::function<void(LogLevel, std::string_view line)>;

void set_log_sink(LogSink sink);  // before any other thread runs
void log(LogLevel level, const std::string& line);

inline void log_info(const std::string& line) { log(LogLevel::kInfo, line); }
inline void log_warning(const std::string& line) { log(LogLevel::kWarning, line); }
inline void log_error(const std::string& line) { log(LogLevel::kError, line); }

}  // namespace atelier::platform
