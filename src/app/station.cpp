#include "app/station.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "app/paths.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/ids.h"
#include "platform/log.h"
#include "platform/process.h"

namespace atelier::app {
namespace {

std::string light_engine(const domain::Settings& settings) {
  if (settings.light_engine != "auto") return settings.light_engine;
  const auto libraries = engine_libraries();
  const bool has_cpu = std::ranges::find(libraries, "libatelier-engine-cpu.so") != libraries.end();
  return settings.engine != "fake" && has_cpu ? "cpu" : settings.engine;
}

std::vector<scheduler::WorkerOptions> workers(const domain::Settings& settings,
                                              const StationOptions& options) {
  using scheduler::WorkerClass;
  std::vector<scheduler::WorkerOptions> result;
  const auto add = [&](const char* name, WorkerClass worker_class, const std::string& engine) {
    result.push_back({.name = name,
                      .worker_class = worker_class,
                      .launch = worker_launcher(settings, engine, options.worker_niceness),
                      .engine = engine});
  };
  add("main", WorkerClass::kMain, settings.engine);
  if (options.light_worker && settings.light_engine != "off") {
    add("light", WorkerClass::kLight, light_engine(settings));
  }
  return result;
}

scheduler::LocalSchedulerOptions scheduler_options(const domain::Settings& settings,
                                                   StationOptions options) {
  scheduler::LocalSchedulerOptions result;
  result.workers = workers(settings, options);
  result.launch_decoder = decoder_launcher();
  result.default_model = settings.default_model;
  result.unknown_models = settings.refuse_unknown_models ? domain::UnknownModel::kRefuse
                                                         : domain::UnknownModel::kDefault;
  result.queue_max = settings.queue_max;
  auto& folders = result.folders;
  folders.starter = starter_folder(settings);
  folders.layouts = settings.model_folders;
  folders.layouts.insert(folders.layouts.begin(), settings.models_folder());
  if (!settings.comfyui.empty()) folders.comfyui = {settings.comfyui};
  if (!settings.a1111.empty()) folders.a1111 = {settings.a1111};
  if (!settings.huggingface.empty()) folders.huggingface = {settings.huggingface};
  return result;
}

}  // namespace

scheduler::LaunchChild worker_launcher(const domain::Settings& settings, const std::string& engine,
                                       int niceness) {
  platform::ProcessOptions options;
  options.program = worker_program();
  options.arguments = {"--engine", engine};
  if (!settings.fake.empty()) {
    options.arguments.insert(options.arguments.end(), {"--fake", settings.fake});
  }
  if (settings.threads > 0) {
    options.arguments.insert(options.arguments.end(),
                             {"--threads", std::to_string(settings.threads)});
  }
  // Threads that spin while they wait would take processor time from the station.
  options.environment = {{"OMP_WAIT_POLICY", "passive"}};
  if (!settings.cuda_devices.empty()) {
    options.environment["CUDA_VISIBLE_DEVICES"] = settings.cuda_devices;
  }
  options.niceness = niceness;
  return [options] { return platform::ChildProcess::spawn(options); };
}

scheduler::LaunchChild decoder_launcher() {
  platform::ProcessOptions options;
  options.program = decoder_program();
  return [options] { return platform::ChildProcess::spawn(options); };
}

namespace {

// Removes incomplete files of a killed station before anything is written.
storage::ArtifactFolder& swept(storage::ArtifactFolder& artifacts, storage::SqliteJobStore& jobs) {
  const auto named = jobs.named_artifacts();
  if (!named) return artifacts;
  const auto gone = artifacts.sweep(*named);
  if (gone.temporary + gone.uploads + gone.steps > 0) {
    platform::log_info("swept " + std::to_string(gone.uploads) + " uploads and " +
                       std::to_string(gone.steps) + " pictures of steps that no job names and " +
                       std::to_string(gone.temporary) + " files that were half written");
  }
  return artifacts;
}

}  // namespace

Station::Station(const domain::Settings& settings, const std::filesystem::path& folder,
                 StationOptions options)
    : jobs_((folder / "atelier.db").string()),
      artifacts_(folder / "artifacts"),
      scheduler_(scheduler_options(settings, options), jobs_, swept(artifacts_, jobs_)) {}

namespace {

constexpr std::string_view kTemporary = "atelier-";
constexpr auto kInUse = "in-use";  // locked as long as its process runs

int lock_folder(const std::filesystem::path& folder, int flags) {
  const int file = ::open((folder / kInUse).c_str(), flags | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  ::close(file);
  return -1;
}

// Folders of processes that were killed.
void sweep_temporary_folders(const std::filesystem::path& root) {
  const auto name_size = kTemporary.size() + platform::new_id().size();
  for (const auto& path : platform::files_in(root)) {
    const auto name = path.filename().string();
    if (!name.starts_with(kTemporary) || name.size() != name_size) continue;
    const int file = lock_folder(path, 0);
    if (file < 0) continue;
    std::error_code failure;
    std::filesystem::remove_all(path, failure);
    ::close(file);
  }
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  const auto root = std::filesystem::temp_directory_path();
  sweep_temporary_folders(root);
  path_ = root / (std::string(kTemporary) + platform::new_id());
  if (::mkdir(path_.c_str(), S_IRWXU) != 0) {
    throw Error(ErrorCode::kInternal, "the temporary folder '" + path_.string() +
                                          "' cannot be made: " + std::strerror(errno) +
                                          "; set TMPDIR to a folder that can be written");
  }
  lock_ = lock_folder(path_, O_CREAT);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code failure;  // what remains is removed at the next start
  std::filesystem::remove_all(path_, failure);
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace atelier::app
