// Whether layers that this thread binds keep to forms that do not move the numbers within rounding
// (no Winograd). Set while a model is loaded for a job that asks for `precise`: a layer keeps one
// form of its weight, so such a model is another resident one.
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
