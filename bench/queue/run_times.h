// The lines that the fake engine writes with its switch `times`: when each run began and ended, by
// the seed of its job and the monotonic clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

namespace atelier::bench {

struct RunTime {
  std::chrono::steady_clock::time_point begin, end;  // end: the epoch while it runs
};

class RunTimes {
 public:
  explicit RunTimes(std::filesystem::path file) : file_(std::move(file)) {}

  // Reads what has been added.
  const std::map<std::uint64_t, RunTime>& read();
  // Waits for the begin of the run with the seed; absent: it did not come within the time.
  std::optional<RunTime> wait_for_begin(std::uint64_t seed, std::chrono::milliseconds at_most);

 private:
  std::filesystem::path file_;
  std::ifstream stream_;
  std::string rest_;  // of a line that was not whole yet
  std::map<std::uint64_t, RunTime> runs_;
};

}  // namespace atelier::bench
