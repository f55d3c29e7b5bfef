// Messages on their way to one child: posted by the scheduler's thread, which never waits for them,
// written by a thread of this box. A child that does not read them is detected by the timeouts of
// the supervisor (supervisor.h); the queue is bounded. Never fails: a message to a child that has
// ended is dropped, because its reader detects the end of the channel.
#pragma once

#include <cstddef>
#include <mutex>
#include <thread>

#include "platform/queue.h"
#include "protocol/channel.h"

namespace atelier::scheduler {

class Outbox {
 public:
  Outbox(protocol::Channel& channel, std::size_t bytes_max);
  ~Outbox();  // after the channel was closed: the present message is cut off, queued ones are
              // dropped
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // False: the queue is full, and the message was not taken.
  [[nodiscard]] bool post(protocol::Frame frame);

 private:
  void run();

  protocol::Channel& channel_;
  const std::size_t bytes_max_;
  platform::Queue<protocol::Frame> waiting_;  // closed: nothing more is written
  std::mutex mutex_;
  std::size_t bytes_ = 0;  // guarded by mutex_; of the queue and of the present message
  std::thread thread_;     // last: it uses all of the above
};

}  // namespace atelier::scheduler
