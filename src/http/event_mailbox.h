// Events of a job on their way from the scheduler's thread to a connection on the I/O thread.
// push() from the scheduler's thread, take() from the I/O thread. The events are shared by all
// subscribers of the job. A reader that falls behind skips outdated progress, never the job's end
// or text: pieces of text are joined into one event, which has card::kStreamedTextBytesMax bytes at
// most. One that reconnects with Last-Event-ID gets the events that are still kept.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "scheduler/scheduler.h"

namespace atelier::http {

class EventMailbox {
 public:
  // The newest event is kept whatever its size, and text in addition to these bytes.
  static constexpr std::size_t kEventsMax = 64;
  static constexpr std::size_t kBytesMax = 256 << 10;

  void push(const scheduler::SharedEvent& event);
  scheduler::SharedEvent take();  // null: there is none

 private:
  struct Waiting {
    scheduler::SharedEvent event;
    std::shared_ptr<domain::JobEvent> joined;  // the same one, where it is of this mailbox alone
  };
  using Place = std::deque<Waiting>::iterator;
  void join_next(const Place& place);
  bool drop_one();

  std::mutex mutex_;
  std::deque<Waiting> events_;  // guarded by mutex_
  std::size_t bytes_ = 0;       // guarded by mutex_
};

}  // namespace atelier::http
