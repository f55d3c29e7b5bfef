// The worker's life after the engine is there: answers the station's requests one after the other
// until the socket closes. Two threads: the reader takes frames (a cancel works at once), the
// caller of run() is the job thread and the only one that touches the engine.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "engine/interface.h"
#include "platform/queue.h"
#include "protocol/channel.h"
#include "protocol/messages.h"

namespace atelier::worker {

// Exit codes that the station may meet.
inline constexpr int kExitOk = 0;          // the station closed the socket
inline constexpr int kExitBadStart = 2;    // wrong arguments, or a station of another version
inline constexpr int kExitNoEngine = 3;    // said so in the hello
inline constexpr int kExitDeviceLost = 4;  // after the failure of the job was sent
inline constexpr int kExitBadMessage = 5;  // the station sent nonsense

class Session {
 public:
  Session(protocol::Channel& channel, engine::Engine& engine)
      : channel_(channel), engine_(engine) {}
  int run();  // the exit code of the process

 private:
  class Observer;

  void read_all();  // reader thread
  void take(protocol::Message message);
  void tell(const protocol::Frame& frame);  // job thread: a notification
  bool is_cancelled(const std::string& job);

  // Job thread from here on.
  void answer(protocol::Message& message);
  protocol::Frame reply_to(protocol::Message& message);
  protocol::Frame generate(protocol::Message& message);
  protocol::Frame memory(const protocol::Message& message);

  protocol::Channel& channel_;
  engine::Engine& engine_;
  int exit_code_ = kExitOk;   // job thread
  bool device_lost_ = false;  // job thread

  platform::Queue<protocol::Message> requests_;  // closed: nothing more comes
  std::mutex mutex_;                             // guards what follows
  std::condition_variable changed_;
  std::deque<std::string> cancelled_;  // the newest few: a cancel may overtake its job
  bool bad_message_ = false;
  bool finished_ = false;  // the job thread has left run()
};

}  // namespace atelier::worker
