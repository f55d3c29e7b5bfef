// Frees the memory of the worker's models on request: at once when the worker is idle, else after
// its job. Several requests share one message. Scheduler thread only; callbacks must return
// quickly. Requests that wait at the end of the station are not answered.
#pragma once

#include <functional>
#include <vector>

#include "scheduler/scheduler.h"
#include "scheduler/supervisor.h"

namespace atelier::scheduler {

class Unloading {
 public:
  using Clock = Supervisor::Clock;
  using Done = std::function<void(Unloaded)>;

  // `measure` requests the worker's memory and calls back with the reply.
  Unloading(Supervisor& worker, std::function<void(std::function<void()>)> measure)
      : worker_(worker), measure_(std::move(measure)) {}

  void request(Clock::time_point until, bool busy, Done done);
  void tick(Clock::time_point now);  // the deadline of the callback
  void worker_lost();                // its memory is free

 private:
  struct Waiting {
    Clock::time_point until;
    Done done;
  };
  void answer(Unloaded unloaded);

  Supervisor& worker_;
  std::function<void(std::function<void()>)> measure_;
  bool asked_ = false;  // the worker has a message that it has not answered
  std::vector<Waiting> waiting_;
};

}  // namespace atelier::scheduler
