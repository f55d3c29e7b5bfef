// Runs accepted jobs on the worker: claims, sends, follows, saves the pictures, repeats a job whose
// worker died, cancels. Scheduler thread only; what throws here is logged by the inbox loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/catalog/catalog.h"
#include "domain/gallery/artifact_store.h"
#include "domain/jobs/job_store.h"
#include "scheduler/inbox.h"
#include "scheduler/job_board.h"
#include "scheduler/media_pool.h"
#include "scheduler/preview_shelf.h"
#include "scheduler/supervisor.h"

namespace atelier::scheduler {

std::int64_t unix_ms();

// What the runner works with; all outlive it.
struct RunnerParts {
  domain::JobStore& store;
  domain::ArtifactStore& artifacts;
  MediaPool& pool;
  Supervisor& worker;
  Inbox& inbox;
  JobBoard& board;
  PreviewShelf& previews;
  std::function<bool()> models_known;  // false: jobs wait, for their model may still be found
  std::function<std::optional<domain::InstalledModel>(const std::string& id)> find_model;
};

class JobRunner {
 public:
  using Clock = Supervisor::Clock;

  explicit JobRunner(RunnerParts parts) : parts_(std::move(parts)) {}

  void recover();   // at the start: jobs that a station left running when it died
  void stop();      // at the orderly end: what runs goes back to the queue, and no attempt counts
  void run_next();  // gives an idle worker something to do
  void cancel(const std::string& id);
  void notified(protocol::Message message);
  void worker_lost(const std::string& end);
  void tick(Clock::time_point now);  // kills a worker that ignores a cancellation

  const std::string& job_on_worker() const { return on_worker_; }  // "" is none
  int running() const { return static_cast<int>(running_.size()); }

 private:
  struct Running {
    domain::Job job;
    bool sent = false;  // the worker has it, or did; before that its pictures are being read
    bool cancel_asked = false;
    std::optional<Clock::time_point> kill_at;
    bool preview_under_way = false;
  };
  using Parts = std::vector<protocol::Bytes>;

  void dispatch(domain::Job job);
  void prepare(const protocol::GenerateRequest& request, const domain::JobInput& input);
  void send(const protocol::GenerateRequest& request, Parts parts);
  void replied(const std::string& id, protocol::Message message);
  void save(Running& running, protocol::GenerateReply reply, Parts parts);
  void progressed(const protocol::ProgressNotification& notification);
  void previewed(const protocol::PreviewNotification& notification, Parts parts);
  void succeed(const std::string& id, domain::JobResult result);
  void fail(const std::string& id, ErrorCode code, const std::string& sentence);
  void end(Running& running, domain::JobState state, std::string_view event);
  void repeat(Running& running, const std::string& end_of_worker);
  Running* find(const std::string& id);

  RunnerParts parts_;
  std::map<std::string, Running> running_;
  std::string on_worker_;  // being prepared for the worker or run by it
};

}  // namespace atelier::scheduler
