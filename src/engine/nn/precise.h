// Whether kernels that move the numbers within rounding (Winograd) are off for what this thread
// computes. Set by the pipeline for a job that asks for `precise`.
#pragma once

namespace atelier::engine {

class PreciseGuard {
 public:
  explicit PreciseGuard(bool precise) : before_(current_) { current_ = precise; }
  ~PreciseGuard() { current_ = before_; }
  PreciseGuard(const PreciseGuard&) = delete;
  PreciseGuard& operator=(const PreciseGuard&) = delete;

  static bool precise() { return current_; }

 private:
  static inline thread_local bool current_ = false;
  const bool before_;
};

}  // namespace atelier::engine
