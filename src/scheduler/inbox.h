// Messages to the scheduler's thread, each a function to call: any thread posts them, the owner
// takes them in order. After close() nothing is taken any more and post() does nothing. Never
// fails.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "platform/queue.h"

namespace atelier::scheduler {

class Inbox {
 public:
  using Message = std::function<void()>;

  void post(Message message) { queue_.push(std::move(message)); }
  // nullopt: none came in time, or the inbox was closed.
  std::optional<Message> take(std::chrono::milliseconds wait_max) { return queue_.take(wait_max); }
  std::optional<Message> take() { return queue_.take(); }
  void close() { queue_.close(); }
  bool closed() const { return queue_.closed(); }

 private:
  platform::Queue<Message> queue_;
};

}  // namespace atelier::scheduler
