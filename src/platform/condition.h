// A condition variable whose waiting is measured by the monotonic clock: changes of the system time
// have no effect. (std::condition_variable does the same by a function
// that the thread sanitizer of g++ 12 does not know and reports falsely.) Any thread. Never fails.
#pragma once

#include <pthread.h>

#include <chrono>
#include <mutex>

namespace atelier::platform {

class Condition {
 public:
  Condition();
  ~Condition();
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  void notify_one();
  void notify_all();

  template <class Predicate>
  void wait(std::unique_lock<std::mutex>& lock, Predicate holds) {
    while (!holds()) wait_once(lock);
  }
  // False: the predicate did not hold in time.
  template <class Predicate>
  bool wait_until(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point end,
                  Predicate holds) {
    while (!holds()) {
      if (!wait_once(lock, end)) return holds();
    }
    return true;
  }
  template <class Predicate>
  bool wait_for(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds at_most,
                Predicate holds) {
    return wait_until(lock, std::chrono::steady_clock::now() + at_most, holds);
  }

 private:
  void wait_once(std::unique_lock<std::mutex>& lock);
  // False: the time is over.
  bool wait_once(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point end);

  pthread_cond_t condition_;
};

}  // namespace atelier::platform
