#include "platform/system.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace atelier::platform {
namespace {

// "MemTotal:  1234 kB" -> bytes; 0 when the line is missing.
std::int64_t meminfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(key + ":", 0) == 0) return std::stoll(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

// A single number of a cgroup file; `missing` for "max" or no file.
std::int64_t cgroup_number(const char* path, std::int64_t missing) {
  std::ifstream file(path);
  std::int64_t value = 0;
  return file >> value ? value : missing;
}

}  // namespace

void allow_open_files(std::uint64_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int usable_processors() {
  cpu_set_t set;
  int count = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (file >> quota >> period && period > 0) {  // "max 100000" fails to read a number: no limit
    count = std::min(count, static_cast<int>(std::ceil(quota / period)));
  }
  return std::max(1, count);
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

bool nvidia_driver_loaded() {
  std::error_code unreadable;
  for (const char* sign : {"/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"}) {
    if (std::filesystem::exists(sign, unreadable)) return true;
  }
  return false;
}

Memory machine_memory() {
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  const std::int64_t limit = cgroup_number("/sys/fs/cgroup/memory.max", kNoLimit);
  Memory memory{meminfo("MemTotal"), meminfo("MemAvailable")};
  if (limit < memory.total_bytes) {
    const std::int64_t used = cgroup_number("/sys/fs/cgroup/memory.current", 0);
    memory.total_bytes = limit;
    memory.available_bytes =
        std::min(memory.available_bytes, std::max<std::int64_t>(0, limit - used));
  }
  return memory;
}

ProcessorTimes processor_times() {
  // "cpu  user nice system idle iowait irq softirq steal guest …"; guest time is in user's already.
  constexpr int kFields = 8;
  std::ifstream file("/proc/stat");
  std::string name;
  ProcessorTimes times;
  if (!(file >> name) || name != "cpu") return times;
  std::uint64_t ticks = 0;
  for (int field = 0; field < kFields && file >> ticks; ++field) {
    times.all += ticks;
    const bool idle = field == 3 || field == 4;
    if (!idle) times.busy += ticks;
  }
  return times;
}

double load_per_processor() {
  double last_minute = 0;
  return ::getloadavg(&last_minute, 1) == 1 ? last_minute / usable_processors() : 0;
}

std::int64_t resident_bytes(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::int64_t pages = 0, resident = 0;
  return file >> pages >> resident ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace atelier::platform
