// How much memory a process has taken at most, as the system counts it.
#pragma once

#include <sys/types.h>

#include <fstream>
#include <string>

namespace atelier::api {

class PeakMemory {
 public:
  // Counts from now on.
  explicit PeakMemory(pid_t pid) : pid_(pid) {
    std::ofstream{"/proc/" + std::to_string(pid) + "/clear_refs"} << "5";
    before_ = resident_kb();
  }

  long before_kb() const { return before_; }  // 0: not known
  long grown_kb() const { return resident_kb() - before_; }

 private:
  long resident_kb() const {  // the peak since the last reset
    std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
    }
    return 0;
  }

  pid_t pid_;
  long before_ = 0;
};

}  // namespace atelier::api
