// All parts of a station but its HTTP server, built in order from settings: the database, the
// artifacts, the scheduler with its children. Used by `serve` on the home folder, and by commands
// that do their work alone on a temporary one. Failures: Error.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "domain/settings/settings.h"
#include "scheduler/local_scheduler.h"
#include "storage/disk/artifact_folder.h"
#include "storage/sqlite/sqlite_job_store.h"

namespace atelier::app {

struct StationOptions {
  int worker_niceness =
      0;  // added to the worker's, so that the station stays responsive while the worker computes
  bool light_worker = false;  // beside the main one, where the settings have one
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
  scheduler::LocalScheduler scheduler_;
};

// How the children are started; also used by `doctor`.
scheduler::LaunchChild worker_launcher(const domain::Settings& settings, const std::string& engine,
                                       int niceness);
scheduler::LaunchChild decoder_launcher();

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
