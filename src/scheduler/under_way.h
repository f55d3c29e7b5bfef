// Counts calls that others will answer, so that their owner does not end before the last answer has
// come. Thread-safe; never fails.
#pragma once

#include <memory>
#include <mutex>

#include "platform/condition.h"

namespace atelier::scheduler {

class UnderWay {
 public:
  // The call is under way as long as this value or a copy of it exists.
  using Token = std::shared_ptr<const void>;

  Token begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
    return {this, [](UnderWay* owner) { owner->end(); }};
  }

  void wait() {  // until none is
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  void end() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }

  std::mutex mutex_;
  platform::Condition none_;
  int count_ = 0;  // guarded by mutex_
};

}  // namespace atelier::scheduler
