// Whoever does a command's work: the running station, asked over HTTP, or the same parts in this
// process. Called by one thread; waits. Failures: Error.
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

class Studio {
 public:
  using Watch = std::function<void(const domain::Job&)>;

  virtual ~Studio() = default;
  virtual std::string place() const = 0;  // "the station at http://…", "this process"
  // Runs a job to its end and returns it; `watch` hears of each step. `interrupted` is asked often:
  // once true, the job is cancelled.
  virtual domain::Job run(const scheduler::NewJob& job, const Watch& watch,
                          const std::function<bool()>& interrupted) = 0;
  virtual scheduler::Picture artifact(const std::string& id) = 0;
  virtual std::vector<ModelLine> models() = 0;
};

// The running station of this home folder; null when none answers.
std::unique_ptr<Studio> find_station(const domain::Settings& settings);
std::unique_ptr<Studio> open_own_studio(const domain::Settings& settings);

}  // namespace atelier::app
