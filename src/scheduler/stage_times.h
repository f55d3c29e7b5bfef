// The slowest time between two messages of a worker about a job, by worker, model, stage and size:
// how long a job may be silent before it hangs. Kept in memory since the station's start.
// Scheduler thread only.
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <optional>
#include <string>

#include "scheduler/child.h"

namespace atelier::scheduler {

// Times of one key compare: the same engine on the same device, runs of the same model.
struct StageKey {
  std::string worker, model, stage;
  int size = 0;  // size_class() of the run
  auto operator<=>(const StageKey&) const = default;
};

// Runs whose pixels differ by less than a factor of two are in one class. The time of a step grows
// with the square of the pixels at most (attention), so that it differs by less than a factor of 4.
int size_class(double pixels);

class StageTimes {
 public:
  using Milliseconds = std::chrono::milliseconds;

  void add(const StageKey& key, Milliseconds time);
  std::optional<Milliseconds> slowest(const StageKey& key) const;  // nullopt: none was measured
  // How long a job may be silent in the stage: 20 times the slowest time, within the bounds of
  // `patience`. A stage of which no time is known, and loading, whose time depends on what lies in
  // the page cache, have the longest.
  Milliseconds allowed(const StageKey& key, const Patience& patience) const;

 private:
  std::map<StageKey, Milliseconds> slowest_;
};

}  // namespace atelier::scheduler
