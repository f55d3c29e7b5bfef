// One worker of the station: its supervisor, what it said in its hello, the jobs that are on it,
// its memory report and its status. Scheduler thread only; nothing here waits for the worker.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "domain/catalog/catalog.h"
#include "scheduler/costs.h"
#include "scheduler/plan.h"
#include "scheduler/residents.h"
#include "scheduler/scheduler.h"
#include "scheduler/supervisor.h"
#include "scheduler/unloading.h"

namespace atelier::scheduler {

// A light worker runs short jobs of small models only, beside the long jobs of the main worker of
// the same device.
struct WorkerOptions {
  std::string name = "main";
  WorkerClass worker_class = WorkerClass::kMain;
  LaunchChild launch = {};
  std::string engine = {};  // the name in status() before the worker's hello
  std::string device = {};  // "cuda:1"; "": what its hello says
};

inline constexpr std::string_view kWorkerStarting = "starting";  // a state in WorkerStatus

class WorkerSession;

struct WorkerEvents {
  std::function<void(WorkerSession&, const protocol::HelloReply&)> ready;
  std::function<void(WorkerSession&, const WorkerEnd&)> lost;
  std::function<void(WorkerSession&, const protocol::ProgressNotification&)> progressed;
  std::function<void(WorkerSession&, const protocol::PreviewNotification&, media::Image)> previewed;
  std::function<void(WorkerSession&, const protocol::SuspendedNotification&)> suspended;
  // Throws kCorruptData for a malformed message.
  std::function<Supervisor::Deed(WorkerSession&, protocol::TextNotification)> text;
  std::function<void()> measured;  // a new memory report
};

class WorkerSession {
 public:
  using Clock = Supervisor::Clock;

  WorkerSession(WorkerOptions options, Inbox& inbox, WorkerEvents events, const Patience& patience);
  WorkerSession(const WorkerSession&) = delete;
  WorkerSession& operator=(const WorkerSession&) = delete;

  const std::string& name() const { return options_.name; }
  WorkerClass worker_class() const { return options_.worker_class; }
  Supervisor& supervisor() { return supervisor_; }
  const Supervisor& supervisor() const { return supervisor_; }
  bool ready() const { return supervisor_.state() == Supervisor::State::kReady; }
  // It has been started once, and its hello or its end has come.
  bool has_started() const { return started_; }
  // Why it cannot work at all (no engine library), until a hello comes; "" where it may.
  const std::string& unusable() const { return unusable_; }

  // Of the hello.
  const std::string& device() const { return device_; }
  const CostEngine& cost_engine() const { return cost_engine_; }
  const std::vector<std::string>& tasks() const { return tasks_; }
  bool runs(const std::string& task) const;

  // Jobs that are being prepared for it or run by it.
  const std::set<std::string>& jobs() const { return jobs_; }
  int free_places() const;  // 0 where it is not ready
  void add_job(const std::string& id) { jobs_.insert(id); }
  void remove_job(const std::string& id) { jobs_.erase(id); }
  // By priority: starts of jobs on it since the last start of a job of that priority.
  const std::array<int, kPriorities>& starts_since() const { return starts_since_; }
  void started(int priority);
  std::set<std::string> take_jobs();  // of a worker that has ended

  void tick(Clock::time_point now);
  void unload(Clock::time_point until, Unloading::Done done);
  void measure(std::function<void()> then = [] {});  // requests the memory report
  const protocol::MemoryReply& memory() const { return memory_; }
  Residents& residents() { return residents_; }
  const Residents& residents() const { return residents_; }
  // Has the model leave the memory; `then` follows when it has, unless the worker ends before.
  void evict(const std::string& model, std::function<void()> then);

  // The status as it is now; `catalog` may be null. Requests the memory report after a job.
  const WorkerStatus& take_status(const domain::Catalog* catalog, std::int64_t now_ms);

 private:
  void on_ready(const protocol::HelloReply& hello);
  void on_lost(const WorkerEnd& end);
  Supervisor::Deed read_memory(const protocol::Message& message, std::function<void()> then);
  std::vector<LoadedModel> loaded_models(const domain::Catalog& catalog, std::int64_t now_ms);

  const WorkerOptions options_;
  const WorkerEvents events_;
  Supervisor supervisor_;
  Unloading unloading_;
  bool started_ = false;
  std::string unusable_;
  std::vector<std::string> tasks_;
  int running_max_ = 1;
  std::set<std::string> jobs_;
  std::array<int, kPriorities> starts_since_ = {};
  std::string device_;
  CostEngine cost_engine_;
  protocol::MemoryReply memory_;
  Residents residents_;
  WorkerStatus shown_;
  bool was_busy_ = false;
  std::map<std::string, std::int64_t> seen_models_;  // id → Unix time
};

}  // namespace atelier::scheduler
