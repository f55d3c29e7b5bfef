// Where jobs are kept; authoritative for their state and their order, which is the order of
// acceptance. Implemented by storage, used by the scheduler. Thread-safe. Writes have reached the
// disk when a function returns. Failures of the disk and damaged entries are Error(kInternal) with
// a sentence; lists leave damaged entries out; a conditional update that does not apply returns
// false. Several nodes may share a store: a node recovers its own jobs only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/jobs/job.h"
#include "domain/jobs/waiting_job.h"
#include "platform/error.h"

namespace atelier::domain {

// A filter for lists, newest first.
struct JobFilter {
  int limit = 50;
  std::vector<JobState> states = {};  // empty: every state
  std::string task = {};              // only of this task; "" is every task
  std::string before = {};            // only those accepted before the one with this id; "" is all
  std::string client = {};            // only of this client; "" is all
  bool not_repeated = false;          // only those that no other job runs again
};

// Whether the present state of the job passes the filter.
inline bool has_state_of(const JobFilter& filter, const Job& job) {
  return filter.states.empty() ||
         std::ranges::find(filter.states, job.state) != filter.states.end();
}

// How the end is counted when a running job goes back to the queue.
enum class Requeue {
  kAfterAttempt,       // its worker ended while it ran: the attempt counts
  kUncounted,          // an orderly stop, or a worker that ended for another reason
  kAfterStationCrash,  // the station itself ended: counted by itself, not as an attempt
};

// The idempotency key of a request. A client that sends it again means the same job.
struct RequestKey {
  std::string key = {};     // "" is none
  std::string digest = {};  // of the request: a key that comes with another one is refused
};

struct InsertOptions {
  RequestKey request = {};
  std::int64_t keys_since_ms = 0;  // keys of jobs that were accepted before are free again
  bool holds_place = false;        // the place that hold_place() gave becomes the job's
};

// A job that was accepted with a key.
struct KeyedJob {
  std::string id, digest;  // of the request with which it was accepted
};

struct Inserted {
  std::string id;           // of the stored job
  bool is_new = true;       // false: the client had sent this key before, and nothing was written
  std::string digest = {};  // where it is not new: of the request with which it was accepted
};

// What insert() returns or throws.
using InsertOutcome = std::variant<Inserted, Error>;

// A place in the order of the queue: the highest priority first, then by rank and sequence.
struct QueuePlace {
  int priority = 0;
  std::int64_t rank = 0, sequence = 0;
};
inline QueuePlace place_of(const WaitingJob& job) { return {job.priority, job.rank, job.sequence}; }

// Consecutive jobs of the queue.
struct QueuePage {
  std::vector<WaitingJob> jobs;
  int position = 1;      // of the first of them; that of the job at the head of the queue is 1
  bool is_last = false;  // no job follows
};

// Jobs that match all members that are set; without any, every job.
struct QueueFilter {
  std::string client = {}, task = {};  // "" is all
  std::optional<int> priority = {};
};

struct CancelledJob {
  std::string id;
  std::int64_t last_event = 0;
  std::vector<std::string> step_artifacts;  // pictures that finished steps had made
};

class JobStore {
 public:
  virtual ~JobStore() = default;

  // A new queued job. With a key that its client has sent before, the earlier job is returned.
  virtual Inserted insert(const Job& job, const InsertOptions& options) = 0;
  // The job that the client has sent with the key, unless it was accepted before `since_ms`.
  virtual std::optional<KeyedJob> find_key(const std::string& client, const std::string& key,
                                           std::int64_t since_ms) = 0;
  Inserted insert(const Job& job) { return insert(job, {}); }
  // The same without waiting for the disk. `done` is called once with the outcome, on any thread,
  // before the store is destroyed: it must return quickly, not throw, and not write to the store.
  // The places of the queue may be used.
  virtual void insert_later(std::shared_ptr<const Job> job, const InsertOptions& options,
                            std::function<void(InsertOutcome)> done) = 0;
  // A place in the queue for a job that comes: false where `queued_max` jobs of the priority wait
  // or come. In memory only. It becomes the job's, or is given back.
  virtual bool hold_place(int priority, int queued_max) = 0;
  virtual void leave_place(int priority) = 0;

  virtual std::optional<Job> find(const std::string& id) = 0;
  virtual std::vector<Job> recent(const JobFilter& filter) = 0;  // newest first
  // Queued jobs: the highest priority first, then by rank and sequence. At most 4 × (oldest +
  // clients × jobs_of_client).
  virtual std::vector<WaitingJob> window(const WindowSize& size) = 0;
  // At most `limit` jobs of the queue, from the one behind `after` on; nullopt is from the head on.
  virtual QueuePage queue_page(const std::optional<QueuePlace>& after, int limit) = 0;
  virtual QueueCounts counts() = 0;  // kept in memory
  // Ids of at most `limit` jobs that have ended in this state, match, and that no other job runs
  // again (Job::repeat_of), the oldest first.
  virtual std::vector<std::string> not_repeated(JobState state, const QueueFilter& filter,
                                                int limit) = 0;
  virtual std::vector<Job> running(const std::string& node) = 0;

  // queued → running on the node, and one more attempt. The job as it now is; nullopt when it has
  // left the queue, or cannot be read (it is then set aside).
  virtual std::optional<Job> claim(const std::string& id, const std::string& node,
                                   std::int64_t started_ms) = 0;
  // running → queued, with the reason as a sentence.
  virtual bool requeue(const std::string& id, const std::string& reason, Requeue counted) = 0;
  // What the steps that have finished made, of a running job. They are kept when it goes back to
  // the queue, and forgotten at its end.
  virtual bool keep_steps(const Job& job) = 0;
  // `expected` → the terminal state that `job` has, with its result or failure and time of end.
  virtual bool finish(const Job& job, JobState expected) = 0;

  // Of a queued job. It becomes the last one of the other priority.
  virtual bool set_priority(const std::string& id, int priority) = 0;
  // Before all other queued jobs of its priority.
  virtual bool move_to_front(const std::string& id) = 0;
  // queued → cancelled, all that match at once. `next_event` gives the id of each job's last event;
  // it is called on any thread and must not use the store.
  virtual std::vector<CancelledJob> cancel_queued(
      const QueueFilter& filter, std::int64_t finished_ms,
      const std::function<std::int64_t()>& next_event) = 0;

  // Priorities whose jobs are not to be started. Stored; the jobs' states do not change.
  virtual std::array<bool, kPriorities> paused() = 0;
  virtual void set_paused(int priority, bool paused) = 0;

  // Deletes ended jobs that are not among the newest `keep_ended` of them and ended before
  // `before_ms`, at most limits::kPruneBatch, the oldest first. Their ids: call it again until
  // there are none. Artifacts are not deleted.
  virtual std::vector<std::string> prune(int keep_ended, std::int64_t before_ms) = 0;

  // What was measured on this machine, and measurements that replace or join those.
  virtual std::vector<Cost> costs() = 0;
  virtual void keep_costs(const std::vector<Cost>& measured) = 0;

  // The first of `count` reserved event ids; they are never reserved again, also after a restart.
  virtual std::int64_t reserve_events(std::int64_t count) = 0;
};

}  // namespace atelier::domain
