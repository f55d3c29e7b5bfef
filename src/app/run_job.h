// What the commands that run one job share: the job is run by the running station or by this
// process, with a line of progress, and its pictures become files. Called by main's thread.
// Failures: Error.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/job_client.h"

namespace atelier::app {

inline constexpr int kExitCancelled = 130;  // as shells report an interruption

struct FinishedJob {
  domain::Job job;  // succeeded or cancelled
  double seconds = 0;

  bool cancelled() const { return job.state == domain::JobState::kCancelled; }
};

enum class RunsWhere { kStationIfRunning, kThisProcess };

std::unique_ptr<JobClient> open_job_client(const domain::Settings& settings, RunsWhere where);

// Throws the failure of a job that failed.
FinishedJob run_job(JobClient& client, const scheduler::NewJob& request);

// Throws unless pictures can be written under that name.
void check_picture_file(const std::filesystem::path& path);
// Writes "out.png", "out-2.png", … and prints each name.
void save_pictures(JobClient& client, const domain::Job& job, const std::filesystem::path& path);

void print_notes(const std::vector<std::string>& sentences);

}  // namespace atelier::app
