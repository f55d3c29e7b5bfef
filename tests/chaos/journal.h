// What the test does, and the violated invariants that it finds. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace atelier::chaos {

using Clock = std::chrono::steady_clock;

class Journal {
 public:
  explicit Journal(std::uint64_t seed) : seed_(seed) {}

  void note(const std::string& action);
  void violation(const std::string& sentence);
  bool failed() const;
  double seconds() const;  // since the start
  // The seed, the violations, the last actions and the end of the log of the station.
  std::string report(const std::string& log) const;

 private:
  static constexpr std::size_t kActionsKept = 50;
  static constexpr std::size_t kViolationsKept = 20;  // one fault is found by many checks
  static constexpr std::size_t kLogBytes = 12'000;

  std::string with_time(const std::string& text) const;

  const std::uint64_t seed_;
  const Clock::time_point start_ = Clock::now();
  mutable std::mutex mutex_;
  std::deque<std::string> actions_;
  std::vector<std::string> violations_;
};

}  // namespace atelier::chaos
