// Start-time fair queueing over clients, for each priority by itself: how much service each client
// has had, as virtual time (milliseconds of expected work). A client that was idle does not save up
// service; one with many jobs does not delay one with few. Scheduler thread; kept in memory only.
#pragma once

#include <array>
#include <map>
#include <string>

#include "scheduler/plan.h"

namespace atelier::scheduler {

class FairShares {
 public:
  // A job was started. `expected_ms` of 0 or less counts as one.
  void started(const std::string& client, int priority, std::int64_t expected_ms);
  // Writes `shares` and `virtual_ms`.
  void write_to(Window& window) const;

 private:
  std::array<std::map<std::string, double>, kPriorities> clients_;
  std::array<double, kPriorities> virtual_ms_ = {};
};

}  // namespace atelier::scheduler
