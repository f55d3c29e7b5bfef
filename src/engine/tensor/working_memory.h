// Memory that tensors pass through while a job runs. The C library gives a large block back to the
// system when it is freed, so every step has the system clear the same gigabyte again: a twentieth
// of a step, a twelfth of a decode (docs/adr/0004-cpu-kernels.md). Here large tensors on the CPU
// come from a pool that keeps what is freed. Neither function fails; any thread.
#pragma once

#include <cstdint>

namespace atelier::engine {

// For the whole process, before the first large tensor is made; again: no effect.
void keep_freed_memory();

// What tensors have freed goes back to the system.
void give_back_freed_memory();

// What large tensors on the CPU take now.
std::int64_t held_bytes();

// Measures what large tensors on the CPU need at most from its construction on, beside those that
// exist then. It counts those of all threads together, so that two measurements at the same time
// measure nothing: bytes() of both is 0. Zero as well unless keep_freed_memory() was called. Any
// thread, each object one at a time.
class PeakMeasurement {
 public:
  PeakMeasurement();
  ~PeakMeasurement();
  PeakMeasurement(const PeakMeasurement&) = delete;
  PeakMeasurement& operator=(const PeakMeasurement&) = delete;

  // From now on, as if it were constructed again: when a model has been loaded.
  void restart();
  // Between the two calls what is measured waits, and others may measure. bytes() is 0 from then
  // on.
  void suspend();
  void resume();
  std::int64_t bytes() const;

 private:
  void begin();

  std::int64_t before_ = 0;
  bool alone_ = true;  // no other one was there at the same time, and it was not suspended
};

}  // namespace atelier::engine
