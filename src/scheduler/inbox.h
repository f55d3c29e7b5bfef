// Letters to one thread: any thread posts what is to be done, the owner takes it in order. After
// close() nothing is taken any more and posting is a no-op. Never fails.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "platform/condition.h"

namespace atelier::scheduler {

class Inbox {
 public:
  using Letter = std::function<void()>;

  void post(Letter letter) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    letters_.push_back(std::move(letter));
    arrived_.notify_one();
  }

  // The next letter; nullopt when none came in time, or when closed.
  std::optional<Letter> take(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, patience, [this] { return closed_ || !letters_.empty(); });
    if (closed_ || letters_.empty()) return std::nullopt;
    auto letter = std::move(letters_.front());
    letters_.pop_front();
    return letter;
  }

  // Waits without a limit.
  std::optional<Letter> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return closed_ || !letters_.empty(); });
    if (closed_) return std::nullopt;
    auto letter = std::move(letters_.front());
    letters_.pop_front();
    return letter;
  }

  void close() {
    std::deque<Letter> dropped;  // destroyed outside the lock: a letter may own anything
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(letters_);
    arrived_.notify_all();
  }

  bool closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::mutex mutex_;
  platform::Condition arrived_;
  std::deque<Letter> letters_;  // guarded by mutex_
  bool closed_ = false;         // guarded by mutex_
};

}  // namespace atelier::scheduler
