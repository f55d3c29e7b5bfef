// Events of a job on their way from the scheduler's thread to a connection on the I/O thread.
// push() from the scheduler's thread, take() from the I/O thread; a slow reader costs bounded
// memory because progress that was overtaken by newer progress is dropped.
#pragma once

#include <deque>
#include <mutex>
#include <optional>

#include "domain/jobs/job.h"

namespace atelier::http {

class EventMailbox {
 public:
  static constexpr std::size_t kEventsMax = 256;  // a reader further behind skips progress

  void push(const domain::JobEvent& event);
  std::optional<domain::JobEvent> take();

 private:
  std::mutex mutex_;
  std::deque<domain::JobEvent> events_;
};

}  // namespace atelier::http
