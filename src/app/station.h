// All parts of a station but its HTTP server, built in order from settings: the database, the
// artifacts, the scheduler with its children. Used by `serve` on the home folder, and by commands
// that do their work alone on a temporary one. Failures: Error.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/workers.h"
#include "domain/settings/settings.h"
#include "platform/gpu_reader.h"
#include "scheduler/job_pruner.h"
#include "scheduler/local_scheduler.h"
#include "storage/disk/artifact_folder.h"
#include "storage/sqlite/sqlite_job_store.h"

namespace atelier::app {

struct StationOptions {
  int worker_niceness =
      0;  // added to the worker's, so that the station stays responsive while the worker computes
  bool light_worker = false;      // beside the main ones, where the settings have one
  bool every_gpu = false;         // a main worker for each; else one, on the first that CUDA sees
  bool deletes_old_jobs = false;  // as the settings say
};

class Station {
 public:
  // `folder` holds atelier.db and artifacts/; the model folders are always those of `settings`.
  Station(const domain::Settings& settings, const std::filesystem::path& folder,
          StationOptions options);

  scheduler::LocalScheduler& scheduler() { return scheduler_; }

 private:
  storage::SqliteJobStore jobs_;
  storage::ArtifactFolder artifacts_;
  const std::unique_ptr<platform::GpuReader> gpus_;  // null where no state of GPUs is read
  const WorkerDevices devices_;
  scheduler::LocalScheduler scheduler_;
  std::optional<scheduler::JobPruner> pruner_;
};

// Also used by `doctor`.
scheduler::LaunchChild decoder_launcher();
platform::GpuReaderOptions reader_options(const domain::Settings& settings);

// A folder that is removed by the destructor.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace atelier::app
