#include "worker/beat.h"

#include "platform/error.h"
#include "protocol/messages.h"

namespace atelier::worker {

Beat::Beat(protocol::Channel& channel, std::chrono::milliseconds interval)
    : channel_(channel), thread_([this, interval] { run(interval); }) {}

Beat::~Beat() {
  {
    const std::scoped_lock lock(mutex_);
    over_ = true;
  }
  ended_.notify_all();
  channel_.close();
  thread_.join();
}

void Beat::run(std::chrono::milliseconds interval) {
  const auto beat = protocol::notification_frame(protocol::BeatNotification{});
  std::unique_lock lock(mutex_);
  while (!over_) {
    lock.unlock();
    try {
      channel_.send(beat);
    } catch (const Error&) {
      return;  // the station has closed the channel; the reader's thread ends the process
    }
    lock.lock();
    ended_.wait_for(lock, interval, [this] { return over_; });
  }
}

}  // namespace atelier::worker
