// The worker's main loop, once the engine exists: answers the station's requests until the socket
// closes. The reader's thread takes frames (a cancellation takes effect at once); the caller of
// run() and further job threads carry the requests out, each request on the first thread that is
// free. Requests are taken in the order of their arrival. Jobs overlap as far as the engine allows
// (EngineReport::running_max); every other request is answered while no job runs. A suspended job
// waits inside the engine on its thread, takes no place, and goes on when its `resume` is the next
// request and a place is free; one that is cancelled or whose socket closes ends at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <set>
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

  // Every job that the worker has and whose reply was not sent.
  struct Job {
    enum class Stage { kWaits, kRuns, kSuspended };
    std::string id;
    Stage stage = Stage::kWaits;
    bool suspend_asked = false;  // and has not taken effect
  };
  struct Request {
    protocol::Message message;
    Job* job = nullptr;  // of `run` and `resume`
  };

  void read_all();  // reader's thread
  void take(protocol::Message message);

  void work(int thread);  // job threads from here on; the caller of run() is number 0
  std::optional<Request> next(int thread);
  void done(const Request& request);
  void answer(Request& request);
  void end_after_device_loss();
  protocol::Frame reply_to(Request& request);
  protocol::Frame run_job(Request& request);
  protocol::Frame memory(const protocol::Message& message);
  void notify(const protocol::Frame& frame);
  bool is_cancelled(const std::string& job);
  bool is_to_wait(const Job& job);
  void wait_while_suspended(Job& job, int steps);

  // With the mutex held.
  void take_suspend(const std::string& id);
  void take_resume(const std::string& id);
  Job* find_job(const std::string& id);
  bool was_cancelled(const std::string& job) const;
  bool place_is_free() const;
  bool may_take() const;
  bool may_go_on(const Job& job) const;
  bool may_give_memory_back() const;
  int exit_code() const;

  protocol::Channel& channel_;
  engine::Engine& engine_;
  int running_max_ = 1;  // before any thread is started

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Request> waiting_;
  std::list<Job> jobs_;
  std::deque<std::string> cancelled_;  // the newest few: a cancel may overtake its job
  std::set<int> free_threads_;         // the first one takes the next request
  bool engine_taken_ = false;          // by a request other than a job
  bool memory_kept_ = false;           // a job has ended since memory was given back
  bool closed_ = false;                // no further request is taken
  bool bad_message_ = false;
  bool device_lost_ = false;
  bool finished_ = false;  // the job threads have ended
};

}  // namespace atelier::worker
