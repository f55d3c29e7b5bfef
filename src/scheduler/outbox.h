// Messages on their way to one child: posted by the scheduler's thread, which never waits for them,
// written by a thread of this box. A child that does not take them is noticed by those who wait for
// its answers (supervisor.h); what may wait is bounded. Never fails: a message to a child that is
// gone is dropped, for the end of its channel is noticed by its reader.
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
  ~Outbox();  // after the channel was closed: a message under way is cut off, what waits is dropped
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // False: more than fits waits already, and this was not taken.
  [[nodiscard]] bool post(protocol::Frame frame);

 private:
  void run();

  protocol::Channel& channel_;
  const std::size_t bytes_max_;
  platform::Queue<protocol::Frame> waiting_;  // closed: nothing is written any more
  std::mutex mutex_;
  std::size_t bytes_ = 0;  // guarded by mutex_; of what waits and of the message under way
  std::thread thread_;     // last: it uses all of the above
};

}  // namespace atelier::scheduler
