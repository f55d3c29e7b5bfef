// Which job runs next, and where; which models are loaded and evicted for that; which running job
// is to yield; and what every other job of the window waits for. A pure function of its arguments:
// it reads no clock and keeps nothing. The scheduler thread calls it whenever the queue, a worker
// or a device changes, carries the plan out, and keeps the counters that the next call needs.
// Nothing fails. Times are milliseconds of one clock, sizes are bytes. plan_text.h has the
// sentences.
//
// The order. Higher priority first. Within one priority: jobs that have begun, jobs that were moved
// to the front, then by start-time fair queueing over the clients (fair_shares.h), first come first
// served for one client. A job whose model is resident may pass jobs of its priority that would
// evict it, at most `affinity_jobs_max` times and for `affinity_ms_max` per job that is passed.
//
// Ageing. A job of priority p < 3 that has waited `age_ms[p]` is raised: on a worker on which
// `aged_share - 1` jobs were started since the last one of priority p, it goes before all others.
// So, while a job of priority p waits beyond its age and no worker is lost, one of every
// `aged_share` starts on each worker that can run it is of priority p (with several raised
// priorities, one of `aged_share + 2`), and the first of them in the order above waits at most
//   age_ms[p] + (aged_share + 2) x the longest run on that worker with its load.
// Such a job is not asked to yield for `aged_run_ms`. Behind n jobs of its own priority a job waits
// n + 1 times the second summand at most.
//
// Yielding. A job of priority 2 or 3 that waits for a place, or for memory that runs use, has jobs
// of priority 0 and 1 asked to yield where it is then expected to end earlier than by waiting.
//
// Memory. A load is planned only where the model and what its run needs fit: into the budget less
// what models and runs hold, and into what is measured as free. Where they fit after evictions, the
// plan holds the evictions and keeps the place and the memory; the job starts in the plan that is
// made once they are done. An eviction that is not done within `eviction_ms_max` is given up: the
// next plan chooses other models or another worker.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/jobs/waiting_job.h"

namespace atelier::scheduler {

using domain::kPriorities;
inline constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// high: nothing is evicted to make room. balanced: idle models are. low: the models of one family
// at a time on a device, evicted after use.
enum class MemoryMode { kLow, kBalanced, kHigh };

// A light job runs on a main worker only where no light worker runs its task.
enum class WorkerClass { kMain, kLight, kAny };

struct WaitingJob {
  std::string id, client = {};
  int priority = 0;        // 3 immediate … 0 background
  std::string task = {};   // of its next run; "": every worker runs it
  std::string model = {};  // "": none
  WorkerClass worker_class = WorkerClass::kAny;
  std::int64_t queued_since_ms = 0;  // of a job that has yielded: since then
  std::int64_t order = 0;            // of acceptance
  bool begun = false;                // between two steps, or has yielded
  bool moved_to_front = false;
  std::int64_t peak_bytes = 0;          // what its run needs beside the model
  std::int64_t expected_ms = 0;         // of its run on a worker of speed 1; 0: unknown
  std::string batch_key = {};           // jobs of one key and model may run in one call; "": alone
  std::string only_worker = {};         // that has its state; "": any
  std::optional<MemoryMode> mode = {};  // of the request; absent: that of the settings
  int passed = 0;                       // how many jobs have passed it (Plan::passes)
  std::optional<std::int64_t> passed_since_ms = {};  // when the first of them did
};

// How much service a client has had in one priority (fair_shares.h).
struct ClientShare {
  std::string client;
  int priority = 0;
  double virtual_ms = 0;
};

// The part of the queue that is planned: of each priority the jobs that have begun, and the first
// jobs of each client and worker class. What is not in it waits.
struct Window {
  std::vector<WaitingJob> jobs;
  std::array<bool, kPriorities> paused = {};
  std::vector<ClientShare> shares = {};
  std::array<double, kPriorities> virtual_ms = {};  // of each priority
};

struct RunningJob {
  std::string id;
  int priority = 0;
  std::string model = {};
  std::int64_t peak_bytes = 0;
  bool may_yield = false, yielding = false;  // yielding: it has been asked to
  std::int64_t started_ms = 0;
  std::int64_t expected_ms = 0;  // on this worker, with its load; 0: unknown
  std::int64_t waited_ms = 0;    // before it was started
};

struct ResidentModel {
  std::string id;
  std::int64_t bytes = 0;
  std::int64_t last_used_ms = 0;  // the end of its last job
  bool pinned = false, busy = false, loading = false;
  bool unload_after_use = false;                       // its last job ran in the mode low
  std::optional<std::int64_t> expires_ms = {};         // keep-alive: evicted when it is idle then
  std::optional<std::int64_t> evicting_since_ms = {};  // an eviction has been sent
};

struct WorkerView {
  std::string name, device = {};
  WorkerClass worker_class = WorkerClass::kMain;
  bool ready = true;
  std::vector<std::string> tasks = {};  // empty: every task
  int places_free = 0;
  std::vector<RunningJob> running = {};
  std::vector<ResidentModel> models = {};
  std::int64_t ghost_bytes = 0;                 // that it holds and no model or run accounts for
  double speed = 1;                             // relative to the others
  std::map<std::string, int> batch_width = {};  // by batch key; others: 1
  // By priority: starts on this worker since the last start of a job of that priority.
  std::array<int, kPriorities> starts_since = {};
};

// Several workers may use one device. The memory of a device that is not listed is not planned.
struct DeviceView {
  std::string id;
  std::int64_t bytes_budget = kNoLimit, bytes_free = kNoLimit;  // free: as measured
};

struct ModelView {
  std::string id;
  std::int64_t bytes = 0;  // as measured, else the estimate of its card
  std::int64_t load_ms = 0;
  std::string family = {};  // for the mode low; "": its own
};

struct MemoryView {
  std::vector<DeviceView> devices = {};
  std::vector<ModelView> models = {};  // those of the window
};

struct PlanSettings {
  MemoryMode mode = MemoryMode::kBalanced;
  std::array<std::int64_t, kPriorities - 1> age_ms = {600'000, 300'000, 120'000};
  int aged_share = 16;
  std::int64_t aged_run_ms = 5'000;
  std::int64_t yield_ms = 500;  // expected from the request until a job has yielded
  // By priority: background work is grouped by model, interactive work hardly.
  std::array<int, kPriorities> affinity_jobs_max = {64, 16, 4, 2};
  std::array<std::int64_t, kPriorities> affinity_ms_max = {300'000, 60'000, 10'000, 2'000};
  std::int64_t eviction_ms_max = 10'000;
};

struct Assignment {
  enum class Reason { kOrder, kAged, kAffinity, kBatch };
  std::string job, worker;
  Reason reason = Reason::kOrder;
  std::string batch = {};  // the first job of its call; its own id where it is the first
  bool operator==(const Assignment&) const = default;
};

struct Load {  // for a job that is assigned in the same plan
  std::string model, worker, job;
  std::int64_t bytes = 0;
  bool operator==(const Load&) const = default;
};

struct Eviction {
  enum class Reason { kRoom, kFamily, kAfterUse, kExpired };
  std::string model, worker;
  Reason reason = Reason::kRoom;
  std::string job = {};  // that needs the memory; "": none
  std::int64_t bytes = 0, idle_ms = 0;
  bool operator==(const Eviction&) const = default;
};

// `job` is to yield on `worker`: `waiting` needs its place, or the memory that it uses.
struct Preemption {
  std::string job, worker, waiting;
  bool operator==(const Preemption&) const = default;
};

struct Wait {
  enum class Reason {
    kPaused,       // its priority is paused
    kNoWorker,     // there is no worker
    kStarting,     // `worker` is not ready
    kPlace,        // no place is free
    kClientTurn,   // a place; the job of `client` that was accepted later is before it
    kBetterPlace,  // a place on `worker`, where it is expected to end earlier than elsewhere
    kYield,        // `job_ahead` has been asked to yield
    kMemory,       // needs `bytes_needed`, `bytes_free` are free; `models` hold memory
    kFamily,       // mode low: `models` of another family are in use, or `job_ahead` needs one
    kEviction,     // `models` are being evicted on `worker`
    kLoading,      // its model is being loaded on `worker`
    kAffinity,     // `job_ahead`, whose model is resident on `worker`, has passed it
  };
  std::string job;
  Reason reason = Reason::kPlace;
  std::int64_t since_ms = 0;  // when it began to wait
  int priority = 0;
  std::string worker = {}, client = {}, job_ahead = {};
  std::vector<std::string> models = {};
  std::int64_t bytes_needed = 0, bytes_free = 0;
  std::optional<std::int64_t> expected_ms = {};  // until it starts, where that is known
  bool operator==(const Wait&) const = default;
};

// A job that cannot run: the scheduler fails it.
struct Refusal {
  enum class Reason {
    kTask,    // no worker runs its task
    kBudget,  // it needs more than the whole budget of any worker
    kMode,    // mode high: it does not fit beside the resident models
  };
  std::string job;
  Reason reason = Reason::kBudget;
  std::string worker = {};  // that has the most memory for it
  std::vector<std::string> models = {};
  std::int64_t bytes_needed = 0, bytes_free = 0;
  bool operator==(const Refusal&) const = default;
};

// How many jobs of this plan have passed a job that still waits.
struct Pass {
  std::string job;
  int jobs = 0;
  bool operator==(const Pass&) const = default;
};

// Each job of the window is in exactly one of `assignments`, `waits` and `refusals`.
struct Plan {
  std::vector<Assignment> assignments;
  std::vector<Load> loads;
  std::vector<Eviction> evictions;
  std::vector<Preemption> preemptions;
  std::vector<Wait> waits;  // in the order in which they are admitted, paused ones last
  std::vector<Refusal> refusals;
  std::vector<Pass> passes;
  bool operator==(const Plan&) const = default;
};

// The order of the arguments' arrays has no effect.
Plan plan_next(const Window& window, std::span<const WorkerView> workers, const MemoryView& memory,
               const PlanSettings& settings, std::int64_t now_ms);

}  // namespace atelier::scheduler
