// Messages to one thread, each a function to call: any thread posts them, the owner takes them in
// order. After close() nothing is taken any more and post() does nothing. Never fails.
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
  using Message = std::function<void()>;

  void post(Message message) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    messages_.push_back(std::move(message));
    arrived_.notify_one();
  }

  // The next message; nullopt when none came in time, or when closed.
  std::optional<Message> take(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, patience, [this] { return closed_ || !messages_.empty(); });
    if (closed_ || messages_.empty()) return std::nullopt;
    auto message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  // Waits without a limit.
  std::optional<Message> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return closed_ || !messages_.empty(); });
    if (closed_) return std::nullopt;
    auto message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  void close() {
    std::deque<Message> dropped;  // destroyed outside the lock: a message may own anything
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(messages_);
    arrived_.notify_all();
  }

  bool closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::mutex mutex_;
  platform::Condition arrived_;
  std::deque<Message> messages_;  // guarded by mutex_
  bool closed_ = false;           // guarded by mutex_
};

}  // namespace atelier::scheduler
