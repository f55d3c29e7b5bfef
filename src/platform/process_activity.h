// What a process is doing, and how often the kernel has killed processes because memory ran out:
// evidence of why a child is silent, and of why it ended. Reads /proc and /sys each time it is
// called; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace atelier::platform {

struct ProcessActivity {
  // Of the main thread, as `ps` shows it: 'R' running, 'S' asleep, 'D' waits for a device, 'T'
  // stopped by a signal, 't' stopped by a debugger, 'Z' ended. '?': there is no such process.
  char state = '?';
  std::uint64_t page_faults = 0;  // since its start: pages that were read from a disk

  bool stopped() const { return state == 'T' || state == 't'; }
};
ProcessActivity process_activity(int pid);

// Processes that the kernel has killed for lack of memory since the machine's start, in this
// process's cgroup where that has a counter, else on the machine. 0: nothing is counted here.
std::int64_t memory_kills();

// The number behind `key` in a text of lines "key number", as /proc/vmstat and memory.events are;
// -1: it has none.
std::int64_t counter_in(const std::string& text, const std::string& key);

}  // namespace atelier::platform
