// A job: an accepted request of a task. Plain values; the job store is authoritative.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "card/progress.h"
#include "card/task.h"
#include "platform/error.h"

namespace atelier::domain {

enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

bool is_terminal(JobState state);
std::string_view job_state_name(JobState state);  // "queued" …
std::optional<JobState> job_state_from_name(std::string_view name);
std::vector<std::string> job_state_names();

// Priorities: 3 immediate, 2 interactive, 1 preload, 0 background.
inline constexpr int kPriorityInteractive = 2;

// Everything needed to run the job again after a crash: attachments are kept as artifacts, not in
// the row.
struct JobInput {
  card::TaskInput parameters;
  std::map<std::string, std::string> attachments;  // role → id of the bytes as uploaded
  std::vector<std::string>
      warnings;                   // sentences: parts of the request that were ignored or changed
  std::vector<card::Step> steps;  // of a composite task, as they were planned; else none
  std::vector<card::Work> work = {};  // the size of each run, as it was when this was accepted
  std::string memory_mode = {};       // "low", "balanced", "high"; "": that of the settings

  const std::string& task() const { return parameters.task_id(); }
};

// `stage` is also "queued", "save" and "done".
struct JobProgress : card::Progress {
  double fraction = 0;           // 0..1, of all steps of a composite job
  std::string preview_artifact;  // id of the newest preview picture, "" is none
  std::string part = {};         // of a composite job: "Refine (2 of 2)"; else ""
  // Streamed so far by the run; only in what Scheduler::job() returns. Events have it in pieces.
  std::string text = {};
};

// One output of a job, in the order of the task. A picture is an artifact, a text or labels are a
// value.
struct JobOutput {
  std::string kind;                  // "picture", "text", "labels", …
  std::string artifact, media_type;  // "": the output is a value
  boost::json::value value;
};

struct JobResult {
  std::vector<JobOutput> outputs;
  card::TaskFacts used;
  card::Timing timing;

  std::vector<std::string> artifacts() const;  // of the outputs that have one
};

struct JobFailure {
  ErrorCode code = ErrorCode::kInternal;
  std::string sentence;
  std::string field = {};  // of the request that it is about, as a path of members; "" is none
};

struct Job {
  std::string id;  // a ULID; the order of jobs is the store's
  // Who sent it, as the edge names it: of HTTP the digest of the key, or address and User-Agent;
  // "cli" where a command runs it in its own process.
  std::string client;
  std::string repeat_of = {};  // id of the ended job that this one runs again; "" is none
  JobState state = JobState::kQueued;
  int priority = kPriorityInteractive;
  int attempt = 0;          // 1 on the first run; ends that the job did not cause are not counted
  int station_crashes = 0;  // crashes of the station while this job ran
  std::int64_t created_ms = 0, started_ms = 0, finished_ms = 0;  // Unix time; 0: not yet
  std::int64_t last_event = 0;  // the id of the event that reports its end; 0: not yet
  std::string reason;           // why it waits, was repeated or refused: a sentence
  JobInput input;
  JobProgress progress;
  std::vector<JobResult> finished_steps;  // of a composite job that has not ended
  std::optional<JobResult> result;        // kSucceeded
  std::optional<JobFailure> failure;      // kFailed
};

// One event of a job, replayable by id (Last-Event-ID). `type`: "state", "progress", "preview",
// "text", and "end", which is the last one for every outcome: the outcome is the job's state.
inline constexpr std::string_view kEndEvent = "end";
// A piece of the text that the job streams. Each event continues the one before, or has the offset
// 0: the text starts again.
inline constexpr std::string_view kTextEvent = "text";

struct JobEvent {
  std::int64_t id = 0;  // increasing over all jobs and starts, independent of the clock
  std::string type;
  std::int64_t time_ms = 0;
  Job job;                  // the job after the event; of a text event only id and state
  std::int64_t offset = 0;  // of a text event: of its piece, in bytes of UTF-8
  std::string text = {};    // of a text event
};

// Whether later events of the job make this one unnecessary.
bool is_superseded(const JobEvent& event);

// Approximate size in memory.
std::size_t bytes_of(const Job& job);
std::size_t bytes_of(const JobEvent& event);

}  // namespace atelier::domain
