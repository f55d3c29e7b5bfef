// What planning needs from the queue: waiting jobs as light rows, without their input, and the
// numbers of jobs. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "domain/settings/limits.h"

namespace atelier::domain {

inline constexpr int kPriorities = 4;  // 0 background, 1 preload, 2 interactive, 3 immediate

// Within one priority the smaller rank is earlier, then the smaller sequence.
struct WaitingJob {
  std::string id, task, client;
  std::string run_task;     // of its next run: that of a step where `task` is composite
  std::string model;        // id of the model of its next run; "" where the input names none
  std::string memory_mode;  // of the request; "": that of the settings
  std::int64_t pixels = 1, steps = 1;  // the size of its next run (card::Work)
  int priority = 0;
  std::int64_t rank = 0;  // 0; below it for a job that was moved to the front
  // Increases with each job that is accepted. A job whose priority was changed gets one behind all
  // that wait then, and before those that are accepted later.
  std::int64_t sequence = 0;
  std::int64_t created_ms = 0;
  int finished_steps = 0;  // of a composite job
};

// Of each priority: the oldest jobs, and where these are not all, the oldest jobs of each of
// several clients, so that clients behind one with many jobs are seen as well.
struct WindowSize {
  int oldest = limits::kWindowOldest;
  int clients = limits::kWindowClients;
  int jobs_of_client = limits::kWindowJobsOfClient;
};

// What was measured: the memory of a model and the time to load it, or (with a task) the memory
// that a run needs beside its model and the time of one of its steps.
struct Cost {
  std::string engine;              // name and number format: "cpu bf16"
  std::string model;               // content hash, or its id where there is none
  std::string task;                // "": the model itself
  int size = 0;                    // of a run: half powers of two of its pixels
  std::int64_t bytes = 0, us = 0;  // microseconds
};

struct QueueCounts {
  std::array<int, kPriorities> queued{};  // by priority
  int running = 0;                        // of all nodes
  bool operator==(const QueueCounts&) const = default;
};

}  // namespace atelier::domain
