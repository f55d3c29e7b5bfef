// Reports to the station every second that this process responds, whatever its jobs do: a thread of
// its own that sends `beat`, from the constructor to the destructor. The destructor closes the
// channel, so that a beat that waits for a station that does not read ends as well. A channel that
// was closed ends the beats.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "protocol/channel.h"

namespace atelier::worker {

class Beat {
 public:
  static constexpr std::chrono::milliseconds kInterval{1'000};

  explicit Beat(protocol::Channel& channel, std::chrono::milliseconds interval = kInterval);
  ~Beat();
  Beat(const Beat&) = delete;
  Beat& operator=(const Beat&) = delete;

 private:
  void run(std::chrono::milliseconds interval);

  protocol::Channel& channel_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace atelier::worker
