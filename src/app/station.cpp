#include "app/station.h"

#include <system_error>

#include "app/paths.h"
#include "platform/error.h"
#include "platform/ids.h"
#include "platform/process.h"

namespace atelier::app {
namespace {

scheduler::LocalSchedulerOptions scheduler_options(const domain::Settings& settings,
                                                   StationOptions options) {
  scheduler::LocalSchedulerOptions result;
  result.launch_worker = worker_launcher(settings, options.worker_niceness);
  result.launch_decoder = decoder_launcher();
  result.engine = settings.engine;
  result.default_model = settings.default_model;
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

scheduler::LaunchChild worker_launcher(const domain::Settings& settings, int niceness) {
  platform::ProcessOptions options;
  options.program = worker_program();
  options.arguments = {"--engine", settings.engine};
  if (!settings.fake.empty()) {
    options.arguments.insert(options.arguments.end(), {"--fake", settings.fake});
  }
  if (settings.threads > 0) {
    options.arguments.insert(options.arguments.end(),
                             {"--threads", std::to_string(settings.threads)});
  }
  // Threads that spin while they wait would take the processors from everybody else.
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

Station::Station(const domain::Settings& settings, const std::filesystem::path& folder,
                 StationOptions options)
    : jobs_((folder / "atelier.db").string()),
      artifacts_(folder / "artifacts"),
      scheduler_(scheduler_options(settings, options), jobs_, artifacts_) {}

TemporaryFolder::TemporaryFolder()
    : path_(std::filesystem::temp_directory_path() / ("atelier-" + platform::new_id())) {
  std::error_code failure;
  std::filesystem::create_directories(path_, failure);
  if (failure) {
    throw Error(ErrorCode::kInternal, "the temporary folder '" + path_.string() +
                                          "' cannot be made: " + failure.message() +
                                          "; set TMPDIR to a folder that can be written");
  }
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all, failure);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code failure;  // what stays is the system's to clean
  std::filesystem::remove_all(path_, failure);
}

}  // namespace atelier::app
