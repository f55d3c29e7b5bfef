// The station's heart as the rest sees it: accepts jobs, runs them on workers, tells what happens.
// http and app include this header only. All functions are thread-safe. None of them waits for
// inference; those marked (blocking) may take the time of a picture's decoding or of a disk write
// and are called from a thread that may wait, never from an I/O thread. Failures are thrown as
// Error.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/catalog/catalog.h"
#include "domain/jobs/field_names.h"
#include "domain/jobs/job.h"
#include "domain/jobs/job_store.h"

namespace atelier::scheduler {

struct NewJob {
  domain::JobInput input;  // artifact ids are filled by submit()
  int priority = domain::kPriorityInteractive;
  std::string client;
  std::vector<std::uint8_t> image, mask;  // encoded pictures (PNG, JPEG, …); empty: none
  domain::FieldNames names = {};          // of the fields as they were sent, for refusals
};

struct SamplerName {
  std::string id, title;
  bool available = false;
  std::vector<std::string> aliases;
};

// What the machine is doing; a snapshot kept ready, so that reading it costs microseconds.
struct WorkerStatus {
  std::string name, engine, device;  // "main", "cpu", "AMD EPYC …"
  std::string state;                 // "starting", "idle", "busy", "lost", "missing"
  std::string problem;               // a sentence, "" when well
  int pid = 0, restarts = 0;
  std::string job;  // id, "" when idle
  std::vector<std::string> loaded_models;
  std::int64_t resident_bytes = 0;  // of the process
};

struct StationStatus {
  std::vector<WorkerStatus> workers;
  int queued = 0, running = 0;
  // GPU memory, or the RAM budget of the worker.
  std::int64_t memory_total_mb = 0, memory_used_mb = 0;
  std::int64_t uptime_ms = 0;
  std::vector<std::string> notices;  // sentences that a person should see, e.g. about the port
  std::vector<SamplerName> samplers, schedules;  // of the engine, once a worker has said hello
};

struct ModelList {
  std::vector<domain::InstalledModel> models;
  std::string reason;  // why they are not known yet, or never will be; "" once they are
};

struct Picture {
  std::vector<std::uint8_t> bytes;
  std::string media_type;  // "image/png"
};

// Called from the scheduler thread in order of events; must return quickly and not call back.
using EventListener = std::function<void(const domain::JobEvent&)>;

// Ends the subscription when it goes out of scope; no call arrives after its destructor has
// returned.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // (blocking) Checks the input against the model's card, decodes the pictures once to be sure they
  // are pictures, writes the job to the database, and only then returns it (state queued). Throws
  // kInvalidArgument, kNotFound (unknown model), kTooLarge, kCorruptData, kQueueFull.
  virtual domain::Job submit(const NewJob& job) = 0;

  virtual domain::Job job(const std::string& id) = 0;  // throws kNotFound
  // Newest first.
  virtual std::vector<domain::Job> recent_jobs(const domain::JobFilter& filter) = 0;
  // Queued: at once; running: between blocks of the network. Terminal jobs are left as they are.
  virtual domain::Job cancel(const std::string& id) = 0;

  // Replays events of the job with id > after, then goes on with new ones until the terminal event.
  // A job that has already ended tells its last event always, seen or not.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(const std::string& id,
                                                                std::int64_t after,
                                                                EventListener listener) = 0;

  virtual StationStatus status() = 0;
  virtual ModelList models() = 0;
  // (blocking) Looks for models again and tells what was found; after `patience` what is known so
  // far, with the reason.
  virtual ModelList refresh_models(std::chrono::milliseconds patience) = 0;
  // (blocking) only until the installed models are known, after the start.
  virtual domain::ResolvedModel resolve_model(const std::string& name, const std::string& task) = 0;

  virtual Picture artifact(const std::string& id) = 0;  // (blocking) throws kNotFound
};

}  // namespace atelier::scheduler
