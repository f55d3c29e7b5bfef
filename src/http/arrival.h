// A value that another thread will deliver to a coroutine on the I/O thread. hand_over() from any
// thread, once; take() and leave() by the waiting coroutine. After leave() the coroutine is never
// resumed, so a part of the station that outlives the server does not touch it.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "http/route.h"

namespace atelier::http {

class Arrival {
 public:
  explicit Arrival(std::function<void()> wake) : wake_(std::move(wake)) {}

  void hand_over(Next next) {
    const std::lock_guard lock{mutex_};
    next_ = std::move(next);
    if (wake_) wake_();
  }

  Next take() {  // empty: nothing has come yet
    const std::lock_guard lock{mutex_};
    return std::exchange(next_, nullptr);
  }

  void leave() {
    const std::lock_guard lock{mutex_};
    wake_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::function<void()> wake_;  // guarded by mutex_
  Next next_;                   // guarded by mutex_
};

}  // namespace atelier::http
