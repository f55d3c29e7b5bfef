// How a run yields to others and goes on later (docs/adr/0009-tasks-as-data.md). Its work is cut
// into parts: a step of the sampler, a tile, the decoding of a picture. Where the run is to wait in
// the middle of a part, the part is left by an exception, which frees what it holds; the run waits;
// the part is done again from its start. Job thread of one run.
#pragma once

#include <functional>

#include "engine/interface.h"

namespace atelier::engine {

class Suspension {
 public:
  explicit Suspension(JobObserver& observer) : observer_(observer) {}

  // Between blocks of a network. Throws kCancelled when the job was cancelled, and inside whole()
  // what leaves the part when the run is to wait.
  void check() const;
  // Does `part`, again after each suspension: it must not change what it starts from. Long work of
  // it that knows no check() polls it (tensor/poll.h). `steps` are those that are done before it.
  // Parts do not lie inside one another. Throws kCancelled, also while it waits.
  void whole(int steps, const std::function<void()>& part);

  double waited_ms() const { return waited_ms_; }  // so far

 private:
  bool done_without_suspension(const std::function<void()>& part);
  void wait(int steps);

  JobObserver& observer_;
  bool in_part_ = false;
  double waited_ms_ = 0;
};

}  // namespace atelier::engine
