// A queue between threads: any thread pushes, any thread takes, in order, and close() ends both.
// push() never waits: a queue that is full or closed refuses the item and leaves it to the caller.
// take() waits on the monotonic clock. Thread-safe; throws nothing but std::bad_alloc. Items are
// moved and destroyed outside the lock where they may own other things (close, remove_if).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "platform/condition.h"

namespace atelier::platform {

enum class Push { kTaken, kFull, kClosed };

template <class Item>
class Queue {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  explicit Queue(std::size_t items_max = kUnbounded) : items_max_(items_max) {}

  // Moves from `item` only when it is taken.
  Push push(Item&& item) {
    const std::lock_guard lock(mutex_);
    if (closed_) return Push::kClosed;
    if (items_.size() >= items_max_) return Push::kFull;
    items_.push_back(std::move(item));
    arrived_.notify_one();
    return Push::kTaken;
  }

  // Waits for the next item; nullopt: the queue was closed.
  std::optional<Item> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return closed_ || !items_.empty(); });
    return front();
  }

  // nullopt: none came in time, or the queue was closed.
  std::optional<Item> take(std::chrono::milliseconds wait_max) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, wait_max, [this] { return closed_ || !items_.empty(); });
    return front();
  }

  // Takes out the items for which `matches` holds and returns them in order. `matches` runs under
  // the lock.
  template <class Predicate>
  std::deque<Item> remove_if(Predicate matches) {
    std::deque<Item> removed;
    const std::lock_guard lock(mutex_);
    const auto kept_end = std::stable_partition(items_.begin(), items_.end(),
                                                [&](const Item& item) { return !matches(item); });
    std::move(kept_end, items_.end(), std::back_inserter(removed));
    items_.erase(kept_end, items_.end());
    return removed;
  }

  // Nothing can be pushed or taken any more, and threads that wait in take() return. Returns what
  // was left, in order; later calls return nothing.
  std::deque<Item> close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_all();
    return std::exchange(items_, {});
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return items_.empty();
  }

 private:
  std::optional<Item> front() {
    if (items_.empty()) return std::nullopt;
    std::optional<Item> item{std::move(items_.front())};
    items_.pop_front();
    return item;
  }

  const std::size_t items_max_;
  mutable std::mutex mutex_;
  Condition arrived_;
  std::deque<Item> items_;  // guarded by mutex_; empty once closed
  bool closed_ = false;     // guarded by mutex_
};

}  // namespace atelier::platform
