#include "app/run_job.h"

#include <chrono>
#include <cstdio>

#include "app/interruption.h"
#include "app/progress_line.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/log.h"

namespace atelier::app {
namespace {

namespace fs = std::filesystem;

fs::path numbered(const fs::path& path, std::size_t index) {
  if (index == 0) return path;
  auto name = path.stem();
  name += "-" + std::to_string(index + 1);
  name += path.extension();
  return path.parent_path() / name;
}

void check_picture_file(const fs::path& path, bool overwrite, const std::vector<fs::path>& read) {
  std::error_code failure;
  if (!fs::exists(path, failure)) return;
  for (const auto& each : read) {
    if (!fs::equivalent(path, each, failure)) continue;
    throw Error(ErrorCode::kInvalidArgument, "-o",
                "'" + path.string() +
                    "' is the file that is read, and it is never overwritten: choose another name");
  }
  if (overwrite) return;
  throw Error(ErrorCode::kConflict, "-o",
              "the file '" + path.string() +
                  "' exists: choose another name, or add --overwrite to replace it");
}

}  // namespace

std::unique_ptr<JobClient> open_job_client(const domain::Settings& settings, RunsWhere where) {
  if (where == RunsWhere::kStationIfRunning) {
    if (auto station = find_station(settings)) return station;
  }
  return open_local_job_client(settings);
}

FinishedJob run_job(JobClient& client, const scheduler::NewJob& request) {
  FinishedJob finished;
  const auto started = std::chrono::steady_clock::now();
  {
    ProgressLine line(stderr);
    finished.job =
        client.run(request, [&line](const domain::Job& now) { line.show(now); }, interrupted);
  }
  const auto& job = finished.job;
  if (const auto& failure = job.failure) {
    throw request.names.spelled(Error(failure->code, failure->field, failure->sentence));
  }
  if (!finished.cancelled() && !job.result) {
    throw Error(ErrorCode::kInternal, "the job ended without a result");
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  finished.seconds = seconds.count();
  return finished;
}

int exit_status(const Error& error) {
  return error.code() == ErrorCode::kInvalidArgument ? kExitInvalid : kExitFailed;
}

void check_picture_files(const PictureFiles& files, int count, const std::vector<fs::path>& read) {
  const auto& path = files.path;
  if (path.extension() != ".png") {
    throw Error(ErrorCode::kInvalidArgument, "-o",
                "pictures are written as PNG, so '" + path.string() + "' must end in .png");
  }
  const auto folder = path.parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw Error(ErrorCode::kNotFound, "-o", "there is no folder '" + folder.string() + "'");
  }
  for (int i = 0; i < count; ++i) {
    check_picture_file(numbered(path, static_cast<std::size_t>(i)), files.overwrite, read);
  }
}

void save_pictures(JobClient& client, const domain::Job& job, const PictureFiles& files) {
  CHECK(job.result);  // every job that succeeded has one
  const auto artifacts = job.result->artifacts();
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    const auto name = numbered(files.path, i);
    platform::write_file_atomically(name, client.artifact(artifacts[i]).bytes);
    std::printf("%s\n", platform::without_control_characters(name.string()).c_str());
  }
}

void print_notes(const std::vector<std::string>& sentences) {
  for (const auto& sentence : sentences) {
    std::fprintf(stderr, "note: %s\n", platform::without_control_characters(sentence).c_str());
  }
}

}  // namespace atelier::app
