#include "platform/condition.h"

#include <cerrno>
#include <ctime>

#include "platform/check.h"

namespace atelier::platform {

Condition::Condition() {
  pthread_condattr_t attributes;
  CHECK(::pthread_condattr_init(&attributes) == 0);
  CHECK(::pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
  CHECK(::pthread_cond_init(&condition_, &attributes) == 0);
  ::pthread_condattr_destroy(&attributes);
}

Condition::~Condition() { ::pthread_cond_destroy(&condition_); }

void Condition::notify_one() { ::pthread_cond_signal(&condition_); }

void Condition::notify_all() { ::pthread_cond_broadcast(&condition_); }

void Condition::wait_once(std::unique_lock<std::mutex>& lock) {
  ::pthread_cond_wait(&condition_, lock.mutex()->native_handle());
}

bool Condition::wait_once(std::unique_lock<std::mutex>& lock,
                          std::chrono::steady_clock::time_point end) {
  // steady_clock is CLOCK_MONOTONIC.
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(end.time_since_epoch());
  const timespec until{.tv_sec = static_cast<std::time_t>(since.count() / 1'000'000'000),
                       .tv_nsec = static_cast<long>(since.count() % 1'000'000'000)};
  return ::pthread_cond_timedwait(&condition_, lock.mutex()->native_handle(), &until) != ETIMEDOUT;
}

}  // namespace atelier::platform
