// The scheduler of one machine: one thread with an inbox that owns the workers' state, a pool of
// decoders, and the stores that it is given. Built by app/main; the destructor stops everything and
// ends the children. See scheduler.h for the callers.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "card/named_choices.h"
#include "card/task.h"
#include "domain/artifacts/artifact_store.h"
#include "domain/jobs/job_store.h"
#include "domain/settings/limits.h"
#include "platform/gpu.h"
#include "platform/system.h"
#include "scheduler/job_board.h"
#include "scheduler/job_runner.h"
#include "scheduler/model_scan.h"
#include "scheduler/scheduler.h"
#include "scheduler/under_way.h"
#include "scheduler/worker_session.h"

namespace atelier::scheduler {

struct LocalSchedulerOptions {
  // At least one, of different names; they are started one after the other, in this order.
  std::vector<WorkerOptions> workers;
  LaunchChild launch_decoder;
  ModelFolders folders;
  std::string default_model;
  // kRefuse: an unknown model is refused to all clients.
  domain::UnknownModel unknown_models = domain::UnknownModel::kDefault;
  // Jobs that may wait, by priority.
  std::array<int, domain::kPriorities> queue_max = {
      domain::limits::kQueuedMax, domain::limits::kQueuedMax, domain::limits::kQueuedMax,
      domain::limits::kQueuedMax};
  MemorySettings memory = {};
  std::string node = "local";  // the name of this station in the store
  std::function<std::int64_t()> now_ms = unix_ms;
  Patience patience = {};
  // The last reading of the GPUs that the station may use; returns at once. Empty: it uses none.
  std::function<platform::GpuReading()> read_gpus = {};
};

void check_priority(int priority);  // throws kInvalidArgument

class LocalScheduler final : public Scheduler {
 public:
  LocalScheduler(LocalSchedulerOptions options, domain::JobStore& store,
                 domain::ArtifactStore& artifacts);
  ~LocalScheduler() override;

  void when_models_known(std::function<void()> then) override;
  void submit(NewJob job, std::function<void(Accepted)> done) override;
  std::optional<domain::Job> job_of_key(const std::string& client,
                                        const domain::RequestKey& request) override;
  void repeat(const Repeat& repeat, std::function<void(Accepted)> done) override;
  void repeat_ended(domain::JobState state, const domain::QueueFilter& filter,
                    const std::string& client, std::function<void(Repeated)> done) override;
  domain::Job job(const std::string& id) override;
  std::vector<domain::Job> recent_jobs(const domain::JobFilter& filter) override;
  domain::Job cancel(const std::string& id) override;
  QueueStatus queue() override;
  void explain(std::function<void(Explanation)> done) override;
  domain::QueuePage queue_page(const std::optional<domain::QueuePlace>& after, int limit) override;
  void set_paused(int priority, bool paused) override;
  int cancel_queued(const domain::QueueFilter& filter) override;
  domain::Job set_priority(const std::string& id, int priority) override;
  domain::Job move_to_front(const std::string& id) override;
  std::unique_ptr<Subscription> subscribe(const std::string& id, std::int64_t after,
                                          EventListener listener) override;
  std::int64_t end_event(const std::string& id) override;
  StationStatus status() override;
  DeviceMemory device_memory() override;
  ModelList models() override;
  void refresh_models(std::chrono::milliseconds patience,
                      std::function<void(ModelList)> done) override;
  domain::ResolvedModel resolve_model(const std::string& name, const std::string& task,
                                      domain::UnknownModel unknown) override;
  void unload_models(std::chrono::milliseconds patience,
                     std::function<void(Unloaded)> done) override;
  OpenPicture open_artifact(const std::string& id) override;

  void add_notice(const std::string& sentence);  // for status()

  // The station stops: what waits runs after its next start. Jobs are still accepted.
  void start_no_more_jobs();
  // The station stops: from now on no call waits for models or for the reading of a picture.
  void stop_waiting();

  // The same as blocking calls.
  domain::Job submit(const NewJob& job);  // also waits for the models
  Picture artifact(const std::string& id);
  void wait_for_models();

 private:
  // A caller that waits for models.
  struct Waiting {
    std::uint64_t refresh = 0;  // its number; 0: for the first list
    std::chrono::steady_clock::time_point until;
    std::function<void()> then = {};
  };
  void run();
  void tick();
  std::vector<std::unique_ptr<WorkerSession>> make_workers();
  void tick_workers(WorkerSession::Clock::time_point now);
  void worker_ready(const WorkerSession& worker, const protocol::HelloReply& hello);
  void worker_lost(WorkerSession& worker, const WorkerEnd& end);
  void reserve_events();
  void keep_status(bool changed);
  bool someone_waits();
  void take_status();
  void measure_machine();
  void take_gpus();                        // mutex_ is held
  platform::GpuMemory gpu_memory() const;  // mutex_ is held
  WorkerSession* idle_worker();
  std::string why_no_worker() const;
  // A place in the queue of a priority, held until the job that comes is stored. Throws kQueueFull.
  class Place {
   public:
    Place(LocalScheduler& owner, int priority);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void filled() { held_ = false; }  // the job has it

   private:
    LocalScheduler& owner_;
    int priority_;
    bool held_ = true;
  };
  class RepeatMany;
  void wake_waiting();
  bool is_over(const Waiting& waiting) const;  // mutex_ is held
  domain::Job accept(const NewJob& new_job);
  void enqueue(const std::shared_ptr<Place>& place, domain::Job job,
               const domain::RequestKey& request, std::function<void(Accepted)> done);
  void show_accepted(const domain::Job& job, std::int64_t event, std::int64_t cancellations);
  void plan_soon();  // any thread
  domain::Job earlier_job(const domain::KeyedJob& known, const domain::RequestKey& request);
  Accepted accepted_before(const domain::KeyedJob& known, const domain::RequestKey& request);
  std::int64_t keys_since_ms() const;
  NewJob request_of(const Repeat& repeat);
  void note_paused();
  domain::Job changed_in_queue(const std::string& id, bool was_queued);
  struct Upload {  // a picture that was looked at
    std::string media_type;
    card::PictureSize size;
    std::optional<std::string> warning;
  };
  static Upload read_upload(Decoder& decoder, const std::vector<std::uint8_t>& bytes,
                            const card::Attachment& attachment, std::string& reading);
  domain::Job with_attachments(domain::Job job, const NewJob& sent, Decoder& decoder,
                               std::string& reading);
  void plan_steps(domain::Job& job, const card::PictureSizes& sizes);
  card::TaskInput resolve(const card::TaskInput& input, const card::Roles& attached,
                          std::vector<std::string>& warnings);
  const card::TaskDescription& task_of(const NewJob& new_job);
  card::NamedLists named_lists();
  void estimate_work(domain::Job& job);
  void look_again_if_changed(const domain::InstalledModel& model);
  std::shared_ptr<const domain::Catalog> catalog();
  std::string why_no_models() const;  // mutex_ is held
  ModelList list_models() const;      // mutex_ is held
  bool models_known();
  std::optional<domain::InstalledModel> find_model(const std::string& id);

  const LocalSchedulerOptions options_;
  domain::JobStore& store_;
  domain::ArtifactStore& artifacts_;
  // Calls of cancel_queued() that have reached the store.
  std::atomic<std::int64_t> cancellations_{0};
  std::atomic<bool> plan_asked_ = false;  // a message that plans is in the inbox
  UnderWay insertions_;                   // of accepted jobs, on their way to the disk
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Inbox inbox_;
  std::int64_t events_end_;  // scheduler thread: the first event id that is not reserved
  JobBoard board_;
  PreviewCache previews_;
  MediaPool pool_;
  const std::vector<std::unique_ptr<WorkerSession>> workers_;  // scheduler thread
  ModelScan scan_;                                             // scheduler thread
  JobRunner runner_;                                           // scheduler thread
  platform::ProcessorTimes measured_;                          // scheduler thread
  std::chrono::steady_clock::time_point measure_next_{};       // scheduler thread
  bool status_is_old_ = false;                                 // scheduler thread
  std::chrono::steady_clock::time_point status_next_{};        // scheduler thread
  // As of the newest status; scheduler thread: state, idle.
  std::vector<std::pair<Supervisor::State, bool>> worker_states_;

  std::mutex mutex_;
  StationStatus status_;                            // guarded by mutex_
  std::shared_ptr<const domain::Catalog> catalog_;  // guarded by mutex_; null: not known yet
  std::string paused_notice_;                       // guarded by mutex_; "" is none
  std::string runner_problem_;                      // guarded by mutex_; a notice, "" is none
  std::string worker_problem_;                      // guarded by mutex_; why none can work at all
  std::uint64_t refreshes_asked_ = 0, refreshes_done_ = 0;  // guarded by mutex_
  std::vector<Waiting> waiting_;                            // guarded by mutex_
  bool stopping_ = false;                                   // guarded by mutex_
  std::atomic<bool> draining_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace atelier::scheduler
