// Traces for the simulator: devices of unequal speed, models, and jobs that arrive over time.
// A function of its options: the same seed gives the same trace on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atelier::scheduler_sim {

struct TraceOptions {
  int jobs = 100'000;
  int devices = 4;
  // Of the main workers, by all priorities together; above 1 the backlog grows until the last
  // arrival.
  double load = 0.85;
  int memory_gb = 0;  // of each device; 0: 11 to 24, by device
  unsigned seed = 1;
};

struct SimModel {
  std::string id, family;
  std::int64_t bytes = 0, load_ms = 0;
};

// A main worker with one place and a light worker with two share its memory.
struct SimDevice {
  double speed = 1;
  std::int64_t bytes = 0;
};

struct SimJob {
  std::int64_t arrival_ms = 0;
  int priority = 0, client = 0;
  std::size_t model = 0;
  bool light = false;
  std::int64_t peak_bytes = 0;
  std::int64_t work_ms = 0;      // at speed 1
  std::int64_t expected_ms = 0;  // the scheduler's estimate of it, up to 30 % wrong
};

struct Trace {
  std::vector<SimModel> models;
  std::vector<SimDevice> devices;
  std::vector<SimJob> jobs;  // by arrival
};

// Of all jobs, 5 % are immediate, 15 % interactive and 10 % preloads, spread over the whole time
// from 20 clients; the rest is background work that 5 clients send in batches.
Trace make_trace(const TraceOptions& options);

}  // namespace atelier::scheduler_sim
