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
#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/ids.h"
#include "platform/log.h"
#include "platform/process.h"
#include "platform/system.h"
#include "scheduler/plan_text.h"

namespace atelier::app {
namespace {

scheduler::LocalSchedulerOptions scheduler_options(const domain::Settings& settings,
                                                   StationOptions options,
                                                   const WorkerDevices& devices,
                                                   const platform::GpuReader* gpus) {
  scheduler::LocalSchedulerOptions result;
  result.workers =
      make_workers(settings, engine_libraries(), devices,
                   {.niceness = options.worker_niceness, .light = options.light_worker});
  if (gpus != nullptr) {
    result.read_gpus = [gpus, devices] { return named_devices(gpus->reading(), devices); };
  }
  result.launch_decoder = decoder_launcher();
  result.default_model = settings.default_model;
  result.unknown_models = settings.refuse_unknown_models ? domain::UnknownModel::kRefuse
                                                         : domain::UnknownModel::kDefault;
  result.queue_max = settings.queue_max;
  result.memory = {.mode = *scheduler::memory_mode_named(settings.vram_mode),
                   .budget_bytes = std::int64_t{settings.memory_budget_mb} << 20};
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

// Null: the station does not compute on GPUs, or on the one that CUDA gives it.
std::unique_ptr<platform::GpuReader> gpu_reader(const domain::Settings& settings,
                                                StationOptions options) {
  if (!options.every_gpu ||
      !uses_gpus(settings, engine_libraries(), platform::nvidia_driver_loaded())) {
    return nullptr;
  }
  return std::make_unique<platform::GpuReader>(reader_options(settings));
}

// Waits for the first reading: it decides which workers there are.
WorkerDevices worker_devices(const domain::Settings& settings, const platform::GpuReader* gpus) {
  if (gpus == nullptr) return {.engine = settings.engine};
  return devices_of(settings, gpus->wait(domain::limits::kGpusPatience));
}

}  // namespace

platform::GpuReaderOptions reader_options(const domain::Settings& settings) {
  platform::GpuReaderOptions options;
  if (!settings.nvml.empty()) options.library = settings.nvml;
  return options;
}

Station::Station(const domain::Settings& settings, const std::filesystem::path& folder,
                 StationOptions options)
    : jobs_((folder / "atelier.db").string()),
      artifacts_(folder / "artifacts"),
      gpus_(gpu_reader(settings, options)),
      devices_(worker_devices(settings, gpus_.get())),
      scheduler_(scheduler_options(settings, options, devices_, gpus_.get()), jobs_,
                 swept(artifacts_, jobs_)) {
  for (const auto& notice : devices_.notices) {
    platform::log_warning(notice);
    scheduler_.add_notice(notice);
  }
  if (!options.deletes_old_jobs) return;
  pruner_.emplace(jobs_, scheduler::HistoryLimits{settings.keep_jobs_days, settings.keep_jobs_max},
                  scheduler::unix_ms);
}

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
