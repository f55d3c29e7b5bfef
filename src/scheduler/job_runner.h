// Runs accepted jobs on the worker: claims, sends, follows, saves the pictures, repeats a job whose
// worker ended, cancels. Scheduler thread only; exceptions are logged by the inbox loop. The
// outcome of a job is written before it is published. An outcome that cannot be written is kept,
// published once as not stored yet, and written again until it is.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/artifacts/artifact_store.h"
#include "domain/catalog/catalog.h"
#include "domain/jobs/job_store.h"
#include "scheduler/costs.h"
#include "scheduler/fair_shares.h"
#include "scheduler/inbox.h"
#include "scheduler/job_board.h"
#include "scheduler/media_pool.h"
#include "scheduler/memory_ladder.h"
#include "scheduler/outputs/output_writer.h"
#include "scheduler/plan.h"
#include "scheduler/preview_cache.h"
#include "scheduler/scheduler.h"
#include "scheduler/stage_times.h"
#include "scheduler/worker_session.h"

namespace atelier::scheduler {

std::int64_t unix_ms();

struct MemorySettings {
  MemoryMode mode = MemoryMode::kBalanced;
  std::int64_t budget_bytes = 0;  // of each device; 0: most of its memory
};

// The parts that the runner uses; all outlive it.
struct RunnerParts {
  domain::JobStore& store;
  domain::ArtifactStore& artifacts;
  MediaPool& pool;
  const std::vector<std::unique_ptr<WorkerSession>>& workers;
  Inbox& inbox;
  JobBoard& board;
  PreviewCache& previews;
  std::function<std::int64_t()> now_ms;  // Unix time, for display only
  std::function<bool()> models_known;    // false: jobs wait, for their model may still be found
  std::function<std::optional<domain::InstalledModel>(const std::string& id)> find_model;
  std::function<std::shared_ptr<const domain::Catalog>()> catalog;  // null: not known yet
  std::string node;  // the name of this station in the store
  MemorySettings memory = {};
  Patience patience = {};
};

class JobRunner {
 public:
  using Clock = WorkerSession::Clock;

  explicit JobRunner(RunnerParts parts) : parts_(std::move(parts)), costs_(parts_.store) {}

  void recover();   // at the start: jobs that were running when a station crashed
  void stop();      // at the orderly end: what runs goes back to the queue, and no attempt counts
  void run_next();  // starts jobs on workers with free places
  void cancel(const std::string& id);
  // Notifications about jobs that are not on that worker are ignored.
  void progressed(const WorkerSession& worker, const protocol::ProgressNotification& notification);
  void previewed(const WorkerSession& worker, const protocol::PreviewNotification& notification,
                 media::Image picture);
  // Text of a job that the worker does not run is ignored. Throws kCorruptData for text that does
  // not continue that of the run, or is too long.
  Supervisor::Deed read_text(const WorkerSession& worker, protocol::TextNotification notification);
  void suspended(WorkerSession& worker, const protocol::SuspendedNotification& notification);
  void worker_lost(WorkerSession& worker, const WorkerEnd& end);
  Explanation explain();
  // Kills a worker that ignores a cancellation or sends nothing about its job; repeats failed
  // writes.
  void tick(Clock::time_point now);

  int running() const { return static_cast<int>(running_.size() + unwritten_.size()); }
  std::string problem() const;  // why nothing can be started or stored now, a sentence; "" is well
  std::int64_t ended() const { return ended_; }  // since the start, however they ended

 private:
  struct Running {
    domain::Job job;
    Clock::time_point started;
    domain::JobInput run = {};              // of the run that goes on or comes next
    domain::JobProgress run_progress = {};  // of that run alone
    WorkerSession* worker = nullptr;        // that it is prepared for or that runs it
    bool waits = false;                     // for a place on a worker, after a step has finished
    std::int64_t request = 0;               // to the worker; 0: its pictures are still being read
    bool begun = false;                     // the worker has reported that it began
    std::size_t text_bytes = 0;             // of the text that this run has streamed
    Clock::time_point last_message{};       // time of the worker's last message about it
    StageKey timed = {};                    // what its times are measured for, but the stage
    Clock::time_point last_page_fault{};    // when its silent worker was seen to read from a disk
    std::uint64_t page_faults = 0;          // of that worker, at the last look
    bool cancel_asked = false;
    std::optional<Clock::time_point> kill_at;
    bool preview_under_way = false;
    // Of the plan.
    std::string model = {};  // id, of this run
    card::Work work = {};
    std::int64_t peak_bytes = 0, expected_ms = 0;
    std::int64_t planned_ms = 0;  // when this run was started
    std::int64_t waits_since_ms = 0;
    bool loads = false;      // its model was not in memory
    bool yielding = false;   // it has been asked to
    bool suspended = false;  // it has; it also `waits`, and `worker` has its state
    int memory_steps = 0;    // that were taken because this run was out of memory
    std::string only_worker = {};
  };
  // What the plan needs to know about a model, once per plan.
  struct PlannedModel {
    const card::ModelCard* card = nullptr;  // null: it is not installed now
    ModelView view = {};
    bool measured = false;
  };
  // The arguments of plan_next.
  struct PlanInput {
    std::shared_ptr<const domain::Catalog> catalog;
    std::map<std::string, PlannedModel> planned_models = {};
    Window window = {};
    std::vector<WorkerView> workers = {};
    MemoryView memory = {};
    std::int64_t now_ms = 0;
  };
  struct Passed {
    int jobs = 0;
    std::int64_t since_ms = 0;
  };
  // The outcome of a job: an end, or back to the queue.
  struct Outcome {
    domain::Job job;  // as it is once this is stored
    std::string_view event;
    domain::Requeue counted = domain::Requeue::kUncounted;  // where the state is kQueued
    std::string problem = "";                               // why it is not stored yet
    Clock::time_point next_try = {};
  };
  using Parts = std::vector<protocol::Bytes>;
  using Outputs = std::shared_ptr<std::vector<MadeOutput>>;

  void start_next();
  void start(domain::Job job, WorkerSession& worker, const PlanInput& input);
  void dispatch(const std::string& id, WorkerSession& worker, const PlanInput& input);
  void resume(Running& running);
  void show(Running& running, std::string_view event);
  void prepare(const protocol::RunRequest& request, const domain::JobInput& input);
  void send(const protocol::RunRequest& request, Parts parts);
  Supervisor::Deed read_reply(const std::string& id, protocol::Message message);
  void made(const std::string& id, const protocol::RunReply& reply, const Outputs& outputs);
  void refused(const std::string& id, const Error& error);
  void save(Running& running, const protocol::RunReply& reply, const Outputs& outputs);
  void heard_of(Running& running);
  StageKey stage_of(const Running& running) const;
  Clock::duration silence_of(Running& running, Clock::time_point now) const;
  std::string describe_silence(const Running& running, Clock::duration silence) const;
  void kill_if_late(Running& running, Clock::time_point now);
  void leave_worker(const std::string& id);
  WorkerClass class_of(const std::string& task, const card::ModelCard* card) const;
  const CostEngine& engine_for(WorkerClass worker_class) const;
  const PlannedModel& planned(PlanInput& input, const std::string& model, WorkerClass worker_class);
  void estimate(PlanInput& input, WaitingJob& job, const card::Work& work);
  std::int64_t budget_of(const WorkerSession& worker) const;
  PlanInput plan_input();
  void add_waiting(PlanInput& input);
  void add_workers(PlanInput& input);
  PlanSettings plan_settings() const;
  bool may_change_something() const;
  void carry_out(const Plan& plan, const PlanInput& input);
  void refuse(const Refusal& refusal);
  void add_decision(PastDecision decision);
  void note_run(Running& running, const protocol::RunReply& reply);
  void note_plan(Running& running, const PlanInput& input);
  bool retry_with_less(Running& running, WorkerSession& worker);
  void evict_idle(const std::string& device);
  void wait_again(Running& running);
  void saved(const std::string& id, domain::JobResult result);
  void wait_for_next_step(Running& running);
  void fail(const std::string& id, const Error& error);
  void end(Running& running, domain::JobState state, std::string_view event);
  void repeat(Running& running, const WorkerEnd& end);
  void put_back(Running& running, const std::string& reason, domain::Requeue counted);
  void settle(Outcome outcome);
  std::string store(
      Outcome& outcome);  // and publishes it; returns why it cannot be stored, "" when it is
  void publish_unwritten(const Outcome& outcome, const std::string& why);
  void write_again(Clock::time_point now);
  std::int64_t end_ms(const Running& running) const;
  Running* find(const std::string& id);

  RunnerParts parts_;
  std::map<std::string, Running> running_;
  std::map<std::string, Outcome> unwritten_;
  std::string start_problem_, store_problem_;
  std::optional<Clock::time_point> last_tick_;
  FairShares shares_;
  Costs costs_;
  Clock::time_point write_costs_at_{};
  std::map<std::string, Passed> passed_;  // jobs that others have passed
  std::deque<PastDecision> decisions_;    // the newest first
  StageTimes stage_times_;
  std::map<std::string, int> uncounted_ends_;  // ends of a worker that were not counted as attempts
  std::int64_t ended_ = 0;
};

}  // namespace atelier::scheduler
