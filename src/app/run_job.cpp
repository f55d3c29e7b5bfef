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

void check_picture_file(const fs::path& path) {
  if (path.extension() != ".png") {
    throw Error(ErrorCode::kInvalidArgument, "-o",
                "pictures are written as PNG, so '" + path.string() + "' must end in .png");
  }
  const auto folder = path.parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw Error(ErrorCode::kNotFound, "-o", "there is no folder '" + folder.string() + "'");
  }
}

void save_pictures(JobClient& client, const domain::Job& job, const fs::path& path) {
  CHECK(job.result);  // every job that succeeded has one
  const auto artifacts = job.result->artifacts();
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    const auto name = numbered(path, i);
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
