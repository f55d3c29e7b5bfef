#include "app/paths.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "domain/catalog/model_layout.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/log.h"
#include "platform/process.h"

namespace atelier::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSettingsBytesMax = 1 << 20;

bool is_there(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

// The first that exists of: the setting, an installation, the source tree.
std::string first_existing(const std::vector<fs::path>& places) {
  for (const auto& place : places) {
    if (!place.empty() && is_there(place)) return place.lexically_normal().string();
  }
  return "";
}

void make_private(const fs::path& path) {
  std::error_code failure;
  const auto status = fs::symlink_status(path, failure);
  if (!fs::is_directory(status) && !fs::is_regular_file(status)) return;
  const auto wanted = fs::is_directory(status) ? fs::perms::owner_all
                                               : fs::perms::owner_read | fs::perms::owner_write;
  if (status.permissions() == wanted) return;
  fs::permissions(path, wanted, failure);
  if (!failure) return;
  platform::log_warning("others may be able to read '" + path.string() +
                        "', and its permissions cannot be changed: " + failure.message());
}

// A missing folder (a disk that is not mounted) is reported, but the start goes on.
void find_missing_folders(domain::Settings& settings) {
  const auto check = [&](const std::string& key, const std::string& folder) {
    std::error_code failure;
    if (folder.empty() || fs::is_directory(folder, failure)) return;
    const auto source = settings.sources.find(key);
    settings.problems.push_back((source == settings.sources.end() ? key : source->second) +
                                ": there is no folder '" + folder +
                                "': no models are looked for there");
  };
  for (const auto& folder : settings.model_folders) check("models.folders", folder);
  check("models.comfyui", settings.comfyui);
  check("models.a1111", settings.a1111);
}

// A light worker that cannot start would leave the light jobs waiting.
void check_light_engine(const domain::Settings& settings) {
  const auto& engine = settings.light_engine;
  if (engine.find('/') == std::string::npos || is_there(engine)) return;
  const auto source = settings.sources.find("engine.light");
  throw Error(ErrorCode::kInvalidArgument,
              (source == settings.sources.end() ? "engine.light" : source->second) +
                  ": there is no engine library '" + engine + "'");
}

}  // namespace

std::string worker_program() { return (platform::program_folder() / "atelier-worker").string(); }

std::string decoder_program() { return (platform::program_folder() / "atelier-media").string(); }

std::string starter_folder(const domain::Settings& settings) {
  if (!settings.starter.empty()) return settings.starter;
  const auto models =
      first_existing({platform::program_folder() / "../share/atelier/starter/models",
                      fs::path(ATELIER_SOURCE_DIR) / "starter/models"});
  return models.empty() ? "" : fs::path(models).parent_path().string();
}

std::string web_folder(const domain::Settings& settings) {
  if (!settings.web_root.empty()) return settings.web_root;
  const auto page = first_existing({platform::program_folder() / "../share/atelier/web/index.html",
                                    fs::path(ATELIER_SOURCE_DIR) / "web/dist/index.html"});
  return page.empty() ? "" : fs::path(page).parent_path().string();
}

std::vector<std::string> engine_libraries() {
  std::vector<std::string> names;
  std::error_code failure;
  const auto folder = platform::program_folder() / "../lib";
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    const auto name = it->path().filename().string();
    if (name.starts_with("libatelier-engine-") && name.ends_with(".so")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

domain::Settings load_settings(const domain::FlagValues& flags) {
  const auto environment = domain::process_environment();
  const fs::path home = domain::home_folder(environment, flags);
  std::error_code failure;
  const bool made = fs::create_directories(home, failure);
  if (made) make_private(home);
  if (failure) {
    throw Error(ErrorCode::kInvalidArgument, "the home folder '" + home.string() +
                                                 "' cannot be made: " + failure.message() +
                                                 "; name another with ATELIER_HOME");
  }
  std::string file;
  if (is_there(home / "settings.toml")) {
    file = platform::read_text(home / "settings.toml", kSettingsBytesMax);
  }
  auto settings = domain::read_settings(file, environment, flags);
  find_missing_folders(settings);
  check_light_engine(settings);
  return settings;
}

void keep_home_private(const domain::Settings& settings) {
  ::umask(S_IRWXG | S_IRWXO);
  make_private(settings.home);
  for (const auto& path : platform::files_in(settings.home)) {
    if (path != settings.models_folder()) make_private(path);  // models may be shared
  }
  for (const auto& path : platform::files_in(fs::path(settings.home) / "logs")) make_private(path);
}

void make_model_folders(const domain::Settings& settings) {
  const fs::path models = settings.models_folder();
  if (is_there(models)) return;
  std::error_code failure;
  for (const auto folder : domain::model_layout::kFolders) {
    fs::create_directories(models / folder, failure);
    if (!failure) continue;
    return platform::log_warning("the folder '" + (models / folder).string() +
                                 "' cannot be made: " + failure.message());
  }
}

}  // namespace atelier::app
