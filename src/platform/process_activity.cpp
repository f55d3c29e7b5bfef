#include "platform/process_activity.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace atelier::platform {
namespace {

constexpr auto kCgroupMark = "0::";  // of the unified hierarchy's line in /proc/self/cgroup

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string own_cgroup() {
  std::istringstream lines(text_of("/proc/self/cgroup"));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with(kCgroupMark)) return line.substr(std::string(kCgroupMark).size());
  }
  return "";
}

}  // namespace

ProcessActivity process_activity(int pid) {
  // "pid (name) state ppid pgrp session tty tpgid flags minflt cminflt majflt …": the name may
  // contain anything, so the fields are counted from its last parenthesis.
  const auto text = text_of("/proc/" + std::to_string(pid) + "/stat");
  const auto end = text.rfind(')');
  if (end == std::string::npos) return {};
  ProcessActivity activity;
  std::istringstream fields(text.substr(end + 1));
  std::string skipped;
  fields >> activity.state;
  for (int field = 0; field < 8; ++field) fields >> skipped;
  fields >> activity.page_faults;
  return activity;
}

std::int64_t counter_in(const std::string& text, const std::string& key) {
  std::istringstream fields(text);
  std::string name;
  std::int64_t number = 0;
  while (fields >> name >> number) {
    if (name == key) return number;
  }
  return -1;
}

std::int64_t memory_kills() {
  const auto events = text_of("/sys/fs/cgroup" + own_cgroup() + "/memory.events");
  const auto of_cgroup = counter_in(events, "oom_kill");
  if (of_cgroup >= 0) return of_cgroup;
  return std::max<std::int64_t>(counter_in(text_of("/proc/vmstat"), "oom_kill"), 0);
}

}  // namespace atelier::platform
