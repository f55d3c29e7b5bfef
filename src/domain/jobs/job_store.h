// Where jobs are kept; authoritative for their state and their order, which is the order of
// acceptance. Implemented by storage, used by the scheduler. Thread-safe. Writes have reached the
// disk when a function returns. Failures of the disk and damaged entries are Error(kInternal) with
// a sentence; lists leave damaged entries out; a conditional update that does not apply returns
// false.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/jobs/job.h"

namespace atelier::domain {

// A filter for lists, newest first.
struct JobFilter {
  int limit = 50;
  std::vector<JobState> states = {};  // empty: every state
  std::string task = {};              // only of this task; "" is every task
  std::string before = {};            // only those accepted before the one with this id; "" is all
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

class JobStore {
 public:
  virtual ~JobStore() = default;

  virtual void insert(const Job& job) = 0;
  virtual std::optional<Job> find(const std::string& id) = 0;
  virtual std::vector<Job> recent(const JobFilter& filter) = 0;  // newest first
  virtual std::vector<Job> queued(int limit) = 0;                // by priority, then oldest first
  virtual std::vector<Job> running() = 0;
  virtual int count_queued(int priority) = 0;

  // queued → running and one more attempt; false when the job has left the queue.
  virtual bool claim(const std::string& id, std::int64_t started_ms) = 0;
  // running → queued, with the reason as a sentence.
  virtual bool requeue(const std::string& id, const std::string& reason, Requeue counted) = 0;
  // What the steps that have finished made, of a running job. They are kept when it goes back to
  // the queue, and forgotten at its end.
  virtual bool keep_steps(const Job& job) = 0;
  // `expected` → the terminal state that `job` has, with its result or failure and time of end.
  virtual bool finish(const Job& job, JobState expected) = 0;

  // The first of `count` reserved event ids; they are never reserved again, also after a restart.
  virtual std::int64_t reserve_events(std::int64_t count) = 0;
};

}  // namespace atelier::domain
