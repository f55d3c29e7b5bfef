// The interface through which a command runs jobs: the running station over HTTP, or the station's
// parts in this process. Called by one thread; calls block. Failures: Error.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain/settings/settings.h"
#include "scheduler/scheduler.h"

namespace atelier::app {

struct ModelLine {
  std::string id, title, task, source, problem;
  std::int64_t size_bytes = 0;
};

class JobClient {
 public:
  using Watch = std::function<void(const domain::Job&)>;

  virtual ~JobClient() = default;
  virtual std::string place() const = 0;  // "the station at http://…", "this process"
  // Runs a job to its end and returns it; `watch` is called at each change. `interrupted` is
  // polled: once it returns true, the job is cancelled.
  virtual domain::Job run(const scheduler::NewJob& job, const Watch& watch,
                          const std::function<bool()>& interrupted) = 0;
  virtual scheduler::Picture artifact(const std::string& id) = 0;
  virtual std::vector<ModelLine> models() = 0;
};

// The running station of this home folder; null when none answers.
std::unique_ptr<JobClient> find_station(const domain::Settings& settings);
std::unique_ptr<JobClient> open_local_job_client(const domain::Settings& settings);

}  // namespace atelier::app
