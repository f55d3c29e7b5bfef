// `atelier serve`: the station on its home folder, until a signal ends it.
#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/address_file.h"
#include "app/commands.h"
#include "app/drain.h"
#include "app/free_port.h"
#include "app/interruption.h"
#include "app/paths.h"
#include "app/station.h"
#include "http/server.h"
#include "platform/files.h"
#include "platform/log.h"
#include "platform/system.h"

namespace atelier::app {
namespace {

constexpr std::size_t kLogBytes = 8 << 20;
constexpr std::size_t kLogFiles = 3;
constexpr int kWorkerNiceness = 5;
// Beside connections, each of which may have a long body on the disk and a picture that is sent.
constexpr std::uint64_t kOtherFiles = 512;
constexpr std::uint64_t kFilesOfConnection = 3;

spdlog::level::level_enum level_of(platform::LogLevel level) {
  switch (level) {
    case platform::LogLevel::kDebug:
      return spdlog::level::debug;
    case platform::LogLevel::kInfo:
      return spdlog::level::info;
    case platform::LogLevel::kWarning:
      return spdlog::level::warn;
    case platform::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// The station also starts without a log file. "" when the file can be written.
std::string log_problem(const std::filesystem::path& file) {
  std::error_code failure;
  std::filesystem::create_directories(file.parent_path(), failure);
  const int opened = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (opened < 0) {
    return "the log file '" + file.string() + "' cannot be written (" + std::strerror(errno) +
           "): the log goes to the terminal alone";
  }
  ::close(opened);
  return "";
}

void open_log(const domain::Settings& settings) {
  const auto file = std::filesystem::path(settings.home) / "logs" / "atelier.log";
  auto logger = std::make_shared<spdlog::logger>("atelier",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  std::vector<std::string> problems{log_problem(file)};
  if (problems[0].empty()) {
    logger->sinks().push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
        file.string(), kLogBytes, kLogFiles));
  }
  const auto level = spdlog::level::from_str(settings.log_level);
  for (auto& sink : logger->sinks()) sink->set_level(level);
  logger->set_level(level);
  if (!settings.debug_log.empty()) {
    problems.push_back(log_problem(settings.debug_log));
    if (problems[1].empty()) {
      logger->sinks().push_back(
          std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.debug_log));
      logger->set_level(spdlog::level::debug);
    }
  }
  logger->flush_on(spdlog::level::info);
  platform::set_log_sink([logger](platform::LogLevel level, std::string_view line) {
    logger->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
  });
  for (const auto& problem : problems) {
    if (!problem.empty()) platform::log_warning(problem);
  }
}

http::ServerSettings server_settings(const domain::Settings& settings) {
  http::ServerSettings server;
  server.host = settings.host;
  server.port = settings.port;
  server.api_key = settings.api_key;
  server.allowed_hosts = settings.hosts;
  server.allowed_origins = settings.origins;
  server.web_root = web_folder(settings);
  server.limits.connections = settings.connections_max;
  server.log = [](std::string_view line) { platform::log_info(std::string(line)); };
  if (const char* scale = std::getenv("ATELIER_TIMEOUT_SCALE")) {
    server.limits.scale_timeouts(std::atof(scale));
  }
  return server;
}

}  // namespace

int serve(const domain::Settings& settings) {
  keep_home_private(settings);
  open_log(settings);
  platform::allow_open_files(
      kOtherFiles + kFilesOfConnection * static_cast<std::uint64_t>(settings.connections_max));
  for (const auto& sentence : settings.without_effect) platform::log_info(sentence);
  for (const auto& sentence : settings.problems) platform::log_warning(sentence);
  HomeLock lock(settings.home);
  platform::remove_temporary_files(settings.home);  // of a station that was killed
  make_model_folders(settings);
  auto server = server_settings(settings);
  const auto asked = server.port;
  server.port = next_free_port(server.host, asked);
  Station station(settings, settings.home,
                  {.worker_niceness = kWorkerNiceness,
                   .light_worker = true,
                   .every_gpu = true,
                   .deletes_old_jobs = true});
  if (server.port != asked) {
    const auto notice = "port " + std::to_string(asked) +
                        " is taken by another program: this station answers on port " +
                        std::to_string(server.port) +
                        "; configure clients that use the default port";
    platform::log_warning(notice);
    station.scheduler().add_notice(notice);
  }
  http::Server http(station.scheduler(), server);
  lock.write_address(http.url());
  std::printf("Atelier is at %s\n", http.url().c_str());
  std::fflush(stdout);
  std::jthread watch([&](const std::stop_token& done) {
    while (!done.stop_requested()) {
      if (!wait_for_interruption(std::chrono::milliseconds(200))) continue;
      drain(station.scheduler(), std::chrono::seconds(settings.drain_seconds));
      http.stop();  // first, so that refusals by the scheduler are answered as a stop of the
                    // station
      return station.scheduler().stop_waiting();
    }
  });
  http.run();
  platform::log_info("the station stops");
  return 0;
}

}  // namespace atelier::app
