// Processes as /proc shows them. Any thread; what has ended meanwhile is left out.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace atelier::chaos {

struct Process {
  pid_t pid = 0;
  std::string name;  // of the program, its first 15 bytes
  char state = '?';  // 'Z': a zombie
};

std::vector<Process> children_of(pid_t parent);

struct Usage {
  long resident_kb = 0;
  int threads = 0;
  int files = 0;  // descriptors
};

Usage usage_of(pid_t pid);

}  // namespace atelier::chaos
