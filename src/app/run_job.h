// What the commands that run one job share: the job is run by the running station or by this
// process, with a line of progress, and its pictures become files. Called by main's thread.
// Failures: Error.
//
// Exit status of every command: 0 done; 1 it failed; 2 the command line, a setting or a value is
// invalid; 130 cancelled.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/job_client.h"
#include "platform/error.h"

namespace atelier::app {

inline constexpr int kExitFailed = 1, kExitInvalid = 2;
inline constexpr int kExitCancelled = 130;  // as shells report an interruption
int exit_status(const Error& error);

struct FinishedJob {
  domain::Job job;  // succeeded or cancelled
  double seconds = 0;

  bool cancelled() const { return job.state == domain::JobState::kCancelled; }
};

enum class RunsWhere { kStationIfRunning, kThisProcess };

std::unique_ptr<JobClient> open_job_client(const domain::Settings& settings, RunsWhere where);

// Throws the failure of a job that failed.
FinishedJob run_job(JobClient& client, const scheduler::NewJob& request);

// Where a command writes its pictures.
struct PictureFiles {
  std::filesystem::path path = "picture.png";  // of the first one; the others are numbered
  bool overwrite = false;                      // files that exist
};

// Throws unless `count` pictures can be written there: kConflict where a file exists that may not
// be overwritten, kInvalidArgument where it is one of the files in `read`, whatever its name.
void check_picture_files(const PictureFiles& files, int count,
                         const std::vector<std::filesystem::path>& read);
// Writes "out.png", "out-2.png", … and prints each name.
void save_pictures(JobClient& client, const domain::Job& job, const PictureFiles& files);

void print_notes(const std::vector<std::string>& sentences);

}  // namespace atelier::app
