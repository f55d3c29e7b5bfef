// The scheduler's interface: accepts jobs, runs them on workers, publishes their events.
// http and app include this header only. All functions are thread-safe. None of them waits for
// inference, models or decoders: long operations call back. Functions marked (blocking) may access
// the disk and must not be called from an I/O thread. Failures are thrown as Error. A callback is
// called once, from any thread, must return quickly and must not throw.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "card/progress.h"
#include "domain/catalog/catalog.h"
#include "domain/jobs/field_names.h"
#include "domain/jobs/job.h"
#include "domain/jobs/job_store.h"
#include "platform/byte_source.h"
#include "platform/error.h"
#include "platform/gpu.h"

namespace atelier::scheduler {

struct NewJob {
  domain::JobInput input;  // submit() fills the artifact ids
  int priority = domain::kPriorityInteractive;
  std::string client;
  std::map<std::string, std::vector<std::uint8_t>> attachments;  // by role: encoded, never empty
  domain::FieldNames names = {};  // of the fields as they were sent, for warnings
  domain::RequestKey request = {};
  std::string repeat_of = {};  // id of the job that it runs again; "" is none
};

// The seed of a job that is run again. A new one is drawn when it is submitted.
enum class RepeatSeed { kSame, kNew };

// A job that has ended, to be run again as a new job.
struct Repeat {
  std::string id;
  RepeatSeed seed = RepeatSeed::kSame;
  std::string client = {};  // of the new job
  domain::RequestKey request = {};
};

struct RefusedRepeat {
  std::string id;
  Error error;
};

// What became of ended jobs that were to be run again.
struct Repeated {
  std::vector<domain::Job> jobs;  // the new ones
  std::vector<RefusedRepeat> refused;
};

struct LoadedModel {
  std::string id, title;
  std::int64_t bytes = 0;          // its part of what the worker's models hold
  std::int64_t seen_since_ms = 0;  // Unix time at which it was seen in memory first
};

// The state of the machine; a snapshot that is kept ready, so that reading it costs microseconds.
struct WorkerStatus {
  std::string name, engine, device;  // "main", "cpu", "AMD EPYC …"
  std::string state;                 // "starting", "idle", "busy", "lost", "missing"
  std::string problem;               // a sentence, "" when well
  int pid = 0, restarts = 0;
  std::string job;       // id, "" when idle
  std::string libtorch;  // its version, "" before the worker's hello and where it has none
  std::vector<LoadedModel> loaded_models;
  std::int64_t resident_bytes = 0;  // of the process
};

struct DecoderStatus {
  std::string state;    // "ready", "lost" (the next picture starts another), "failed"
  std::string problem;  // a sentence, "" when well
  int pid = 0;
  std::vector<std::string> sandbox;  // the measures that are in force: "seccomp", "landlock" …
};

// Of the GPUs that workers compute on, all together, or the RAM budget of the worker.
struct DeviceMemory {
  std::int64_t memory_total_mb = 0, memory_used_mb = 0;
};

struct GpuStatus {
  platform::GpuState state;
  std::string worker;  // the main worker that computes on it; "": none
};

struct StationStatus : DeviceMemory {
  std::vector<WorkerStatus> workers;
  std::vector<GpuStatus> gpus;  // that the station may use; empty where it uses none
  std::string gpu_problem;      // why their state is not known or old, a sentence; "" when well
  std::vector<DecoderStatus> decoders;  // those that a picture has started
  int queued = 0, running = 0;
  int queue_max = 0;            // of jobs that wait with the priority 2
  std::int64_t jobs_ended = 0;  // that a worker had, since the start, however they ended
  std::string default_model;    // id; "": none is usable, or they are not known yet
  // By task; a task that no usable model serves is absent.
  std::map<std::string, std::string> default_models;
  double cpu_percent = 0;  // of all processors of the machine, in the last second
  int processors = 0;
  std::int64_t ram_bytes_total = 0, ram_bytes_used = 0;  // of the machine
  std::int64_t uptime_ms = 0;
  std::vector<std::string> notices;  // sentences for the user, e.g. about the port
  std::vector<std::string> tasks;    // ids that the worker runs; empty before its hello
  std::vector<std::string> dtypes;   // in which the worker computes; empty before its hello
  std::vector<card::NamedChoice> samplers, schedules;  // of the engine, from the hello on
};

// Shared, because there may be hundreds of them, and each open page asks every few seconds.
using InstalledModels = std::shared_ptr<const std::vector<domain::InstalledModel>>;

struct ModelList {
  InstalledModels models =
      std::make_shared<const std::vector<domain::InstalledModel>>();  // not null
  std::string reason;  // why they are not known yet; "" once they are
};

// The progress of a request to free the models' memory.
enum class Unloaded {
  kNow,       // nothing is loaded any more
  kAfterJob,  // when the job that runs has ended
  kLater,     // the worker has not answered in time; the request stays pending
};

struct Picture {
  std::vector<std::uint8_t> bytes;
  std::string media_type;  // "image/png"
};

// A picture that is read piece by piece.
struct OpenPicture {
  std::shared_ptr<const platform::ByteSource> bytes;
  std::string media_type;
};

using Accepted = std::variant<domain::Job, Error>;

// The queue of one priority. Jobs of a paused priority are accepted and wait; what runs goes on.
struct PriorityQueue {
  int priority = 0;
  int queued = 0;
  int queued_max = 0;  // beyond it jobs are refused
  bool paused = false;
};

struct QueueStatus {
  std::vector<PriorityQueue> priorities;  // the highest first
  int running = 0;
};

// What waits for what and why, as the plan of this moment sees it. Sentences are for people, names
// for programs (plan_text.h).
struct WaitingJobState {
  std::string job = {}, client = {}, task = {};
  int priority = 0;
  int position = 0;  // from 1, over all priorities; 0: its priority is paused
  std::int64_t waiting_ms = 0;
  std::string reason = {}, sentence = {};        // "memory", "it needs 6900 MB …"
  std::optional<std::int64_t> expected_ms = {};  // until it starts, where that is known
  std::string worker = {}, job_ahead = {};       // "": none
  std::vector<std::string> models = {};          // that hold the memory, or are on their way
  std::int64_t bytes_needed = 0, bytes_free = 0;
};

struct RunningJobState {
  std::string job = {}, model = {};
  int priority = 0;
  std::int64_t running_ms = 0, expected_ms = 0;  // 0: unknown
  std::int64_t peak_bytes = 0;                   // beside its model, as expected
  bool yielding = false, suspended = false;
};

struct ResidentModelState {
  std::string id = {}, state = {};  // "idle", "busy", "evicting"
  std::int64_t bytes = 0, idle_ms = 0;
  bool pinned = false;
};

struct WorkerPlanState {
  std::string name = {}, device = {}, worker_class = {};  // "main", "light"
  bool ready = false;
  int places_free = 0;
  std::vector<RunningJobState> jobs = {};
  std::vector<ResidentModelState> models = {};
};

struct DeviceMemoryState {
  std::string id = {};
  std::int64_t bytes_budget = 0, bytes_held = 0;  // budget 0: no limit is known
};

// A decision that was carried out: an eviction, a request to yield, a refusal, a retry with less
// memory.
struct PastDecision {
  std::int64_t time_ms = 0;  // Unix time
  std::string kind = {}, reason = {}, sentence = {};
  std::string job = {}, model = {}, worker = {};
};

struct Explanation {
  std::string mode = {};  // the default: "low", "balanced", "high"
  std::string next_admission =
      {};  // what the first job that waits needs, a sentence; "" none waits
  std::int64_t oldest_waiting_ms = 0;
  int waiting = 0;                         // also those beyond the window of the plan
  std::vector<WaitingJobState> jobs = {};  // in the order of admission, paused ones last
  std::vector<WorkerPlanState> workers = {};
  std::vector<DeviceMemoryState> devices = {};
  std::vector<PastDecision> decisions = {};  // the newest first
};

// All subscribers of a job share its events, so that hundreds of them need one copy.
using SharedEvent = std::shared_ptr<const domain::JobEvent>;

// Called from the scheduler thread in order of events; must return quickly and not call back.
using EventListener = std::function<void(const SharedEvent&)>;

// Ends the subscription when it goes out of scope; no call arrives after its destructor has
// returned.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Calls `then` when the installed models are known (at once where they are), and also when they
  // cannot become known soon: the worker cannot work, limits::kModelsPatience is over, or the
  // station stops. The functions below then throw the reason.
  virtual void when_models_known(std::function<void()> then) = 0;

  // (blocking) Resolves names to ids, checks the input against the model's card, decodes the
  // attached pictures once to make sure that they are pictures, writes the job to the database, and
  // then hands it (state queued) to `done`, which may be called before or after this returns.
  // Neither the disk nor a decoder is waited for. Failures are thrown or passed to `done`,
  // depending on when they are found: kInvalidArgument (with the field), kNotFound (unknown model),
  // kUnsupported (the models are not known), kTooLarge, kCorruptData, kQueueFull. Where the client
  // has sent the key of the request before, `done` gets the job of then; kConflict where that was
  // another request.
  virtual void submit(NewJob job, std::function<void(Accepted)> done) = 0;
  // (blocking) The job that the client has submitted with the key; nullopt where there is none, or
  // where it was accepted more than limits::kRequestKeyKept ago. Throws kConflict where the key
  // came with another request.
  virtual std::optional<domain::Job> job_of_key(const std::string& client,
                                                const domain::RequestKey& request) = 0;
  // (blocking) Submits an ended job again, as submit() does: its input is checked again, with its
  // attachments. Also kConflict (it has not ended), and kInvalidArgument where the stored input can
  // no longer be read, or a task without a seed is to get a new one.
  virtual void repeat(const Repeat& repeat, std::function<void(Accepted)> done) = 0;
  // (blocking) Submits the jobs again that have ended in the state (failed or cancelled), match and
  // have not been run again yet: the oldest first, at most limits::kRepeatsMax, and none after one
  // that is refused because the queue is full. `done` gets what became of each.
  virtual void repeat_ended(domain::JobState state, const domain::QueueFilter& filter,
                            const std::string& client, std::function<void(Repeated)> done) = 0;

  // With the text that it has streamed so far. Throws kNotFound.
  virtual domain::Job job(const std::string& id) = 0;
  // Newest first.
  virtual std::vector<domain::Job> recent_jobs(const domain::JobFilter& filter) = 0;
  // Queued: at once; running: between blocks of the network. Terminal jobs are left as they are.
  virtual domain::Job cancel(const std::string& id) = 0;

  // (blocking) What waits.
  virtual QueueStatus queue() = 0;
  // Calls back with the plan of this moment; nothing is carried out.
  virtual void explain(std::function<void(Explanation)> done) = 0;
  // (blocking) The order of what waits; the next job to start may be another one for the reasons of
  // plan.h (turns of clients, models in memory).
  virtual domain::QueuePage queue_page(const std::optional<domain::QueuePlace>& after,
                                       int limit) = 0;
  // (blocking) Stored: it survives a restart. Throws kInvalidArgument for an unknown priority.
  virtual void set_paused(int priority, bool paused) = 0;
  // (blocking) Cancels the queued jobs that match, and returns how many these were. Running ones
  // are left alone.
  virtual int cancel_queued(const domain::QueueFilter& filter) = 0;
  // (blocking) Of a queued job, which becomes the last one of that priority; throws kConflict where
  // it has left the queue, kQueueFull, kNotFound, kInvalidArgument.
  virtual domain::Job set_priority(const std::string& id, int priority) = 0;
  virtual domain::Job move_to_front(const std::string& id) = 0;  // of its priority; as above

  // Replays events of the job with id > after, then goes on with new ones until the terminal event.
  // The text that a running job has streamed so far comes first, as one event: what follows the
  // part that was seen with the events up to `after`, or all of it with the offset 0.
  // Of a job that has already ended the last event is always sent, seen or not. The last event has
  // the type "end" for every outcome.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(const std::string& id,
                                                                std::int64_t after,
                                                                EventListener listener) = 0;
  // (blocking) The id of the event that reported the job's end; 0: not reported yet. Throws
  // kNotFound.
  virtual std::int64_t end_event(const std::string& id) = 0;

  virtual StationStatus status() = 0;
  virtual DeviceMemory device_memory() = 0;  // of the status, for replies that report it alone
  virtual ModelList models() = 0;
  // Scans for models again and passes the list; after `patience` the previous list, with the
  // reason.
  virtual void refresh_models(std::chrono::milliseconds patience,
                              std::function<void(ModelList)> done) = 0;
  // Throws kUnsupported while the models are not known.
  virtual domain::ResolvedModel resolve_model(const std::string& name, const std::string& task,
                                              domain::UnknownModel unknown) = 0;
  // Frees the memory of the models: of an idle worker now, of a busy one after its job. Calls back
  // after `patience` at the latest, with the progress so far.
  virtual void unload_models(std::chrono::milliseconds patience,
                             std::function<void(Unloaded)> done) = 0;

  virtual OpenPicture open_artifact(const std::string& id) = 0;  // (blocking) throws kNotFound
};

}  // namespace atelier::scheduler
