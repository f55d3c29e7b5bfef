// What this machine has: processors that this process may use and memory, cgroup limits included.
// Reads /proc and /sys each time it is called; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace atelier::platform {

int usable_processors();  // by affinity and cgroup quota, at least 1
std::string processor_name();
bool nvidia_driver_loaded();  // also as Windows lends it to Linux

struct Memory {
  std::int64_t total_bytes = 0;      // of the machine or of the cgroup, whichever is less
  std::int64_t available_bytes = 0;  // without swapping
};
Memory machine_memory();

// Time of all processors since the machine's start, in units that only compare with each other.
struct ProcessorTimes {
  std::uint64_t busy = 0, all = 0;
};
ProcessorTimes processor_times();

// Threads that computed or waited for a processor or a disk, over the last minute, per usable
// processor; 0: unknown.
double load_per_processor();

// Lets this process have so many files and sockets open, or as many as the system allows.
void allow_open_files(std::uint64_t count);

// Resident set of a process; 0 when there is no such process.
std::int64_t resident_bytes(int pid);

}  // namespace atelier::platform
