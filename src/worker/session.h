// The worker's main loop, once the engine exists: answers the station's requests until the socket
// closes. The reader's thread takes frames (a cancellation takes effect at once); the caller of
// run() and, where the engine runs several jobs at the same time, further job threads carry the
// requests out. Requests are taken in the order of their arrival. Jobs overlap as far as the engine
// allows (EngineReport::running_max); every other request is answered by the caller of run() while
// no job runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/interface.h"
#include "protocol/channel.h"
#include "protocol/messages.h"

namespace atelier::worker {

// Exit codes, as seen by the station.
inline constexpr int kExitOk = 0;          // the station closed the socket
inline constexpr int kExitBadStart = 2;    // wrong arguments, or a station of another version
inline constexpr int kExitNoEngine = 3;    // reported in the hello
inline constexpr int kExitDeviceLost = 4;  // after the failure of the job was sent
inline constexpr int kExitBadMessage = 5;  // the station sent a malformed message

class Session {
 public:
  Session(protocol::Channel& channel, engine::Engine& engine)
      : channel_(channel), engine_(engine) {}
  int run();  // the exit code of the process

 private:
  class Observer;
  enum class Takes { kEveryRequest, kJobsAlone };  // by one thread

  void read_all();  // reader's thread
  void take(protocol::Message message);

  void work(Takes takes);  // job threads from here on
  std::optional<protocol::Message> next(Takes takes);
  void done(const protocol::Message& message);
  void answer(protocol::Message& message);
  void end_after_device_loss();
  protocol::Frame reply_to(protocol::Message& message);
  protocol::Frame run_job(protocol::Message& message);
  protocol::Frame memory(const protocol::Message& message);
  void notify(const protocol::Frame& frame);
  bool is_cancelled(const std::string& job);

  // With the mutex held.
  bool may_take(Takes takes) const;
  bool may_give_memory_back() const;
  int exit_code() const;

  protocol::Channel& channel_;
  engine::Engine& engine_;
  int running_max_ = 1;  // before any thread is started

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<protocol::Message> waiting_;
  std::deque<std::string> cancelled_;  // the newest few: a cancel may overtake its job
  int jobs_running_ = 0;
  bool engine_taken_ = false;  // by a request other than a job
  bool memory_kept_ = false;   // a job has ended since memory was given back
  bool closed_ = false;        // no further request is taken
  bool bad_message_ = false;
  bool device_lost_ = false;
  bool finished_ = false;  // the job threads have ended
};

}  // namespace atelier::worker
