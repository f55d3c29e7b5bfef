// Keeps one worker running: starts it, exchanges hellos, detects its end at once and a hang by its
// silence (it beats every second), starts another after a delay that grows until one begins a job.
// All functions and events are called on the scheduler thread; none of them waits for the worker. A
// program that cannot be started is a sentence in problem(), not an exception; messages to a worker
// that has ended are dropped, because lost() follows.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "protocol/messages.h"
#include "scheduler/child.h"
#include "scheduler/inbox.h"
#include "scheduler/outbox.h"

namespace atelier::scheduler {

// How a worker ended, and which requests were affected.
struct WorkerEnd {
  std::string sentence;   // "was killed by signal 9 (Killed)"
  bool own_fault = true;  // false: the station ended it, for a cancellation
  // The request that it was working on: requests are processed in order, so later ones had not
  // begun. 0: none.
  std::int64_t under_way = 0;
};

struct SupervisorEvents {
  std::function<void(const protocol::HelloReply&)> ready;
  std::function<void(const WorkerEnd&)> lost;
  std::function<void(const protocol::ProgressNotification&)> progressed;
  std::function<void(const protocol::PreviewNotification&, media::Image)> previewed;
  std::function<void(const protocol::SuspendedNotification&)> suspended = {};
  // Reads it and returns the action that follows, none where it is ignored. An exception marks the
  // notification as malformed, which ends the worker.
  std::function<std::function<void()>(protocol::TextNotification)> text;
};

class Supervisor {
 public:
  using Clock = std::chrono::steady_clock;
  using Deed = std::function<void()>;
  // Reads a reply, a result or a failure, and returns the action that follows. An exception marks
  // the reply as malformed, which ends the worker; kWorkerLost: the worker reports a failed device.
  // Never called when the worker ends first.
  using Read = std::function<Deed(protocol::Message)>;
  enum class State { kStarting, kReady, kLost, kMissing };
  enum class Blame { kWorker, kNobody };

  Supervisor(LaunchChild launch, Inbox& inbox, SupervisorEvents events, const Patience& patience);
  ~Supervisor();

  // (Re)starts when it is time; ends a worker that is silent for too long. Time in which this was
  // not called, because the station itself was stopped or did not get the processor, is not
  // counted, and neither is a silence whose messages lie in the socket.
  void tick(Clock::time_point now);
  // Ends it: "it sent nothing for 10 s". No more requests are sent to it; lost() follows.
  void kill(const std::string& why, Blame blame);

  // The number of the request, as WorkerEnd names it.
  template <class Params>
  std::int64_t request(const Params& params, std::vector<protocol::Bytes> parts, Read read) {
    const auto id = ++next_request_;
    pending_[id] = std::move(read);
    send(protocol::request_frame(id, params, std::move(parts)), id);
    return id;
  }
  template <class Params>
  void notify(const Params& params) {
    send(protocol::notification_frame(params), 0);
  }

  State state() const { return state_; }
  const std::string& problem() const { return problem_; }
  int pid() const { return child_ ? child_->pid() : 0; }
  int restarts() const { return restarts_; }

 private:
  void start(Clock::time_point now);
  void check_on_it(std::chrono::nanoseconds since_last_tick);
  void check_silence(std::chrono::nanoseconds counted);
  void send(protocol::Frame frame, std::int64_t request);
  void received(std::uint64_t life, protocol::Message message);
  Deed read_message(protocol::Message message);
  Deed read_notification(protocol::Message message);
  void on_hello(const protocol::HelloReply& hello);
  void unusable(const std::string& problem);
  void ended(std::uint64_t life, const std::string& end);
  void drop_child();
  std::int64_t under_way() const;

  const LaunchChild launch_;
  Inbox& inbox_;
  const SupervisorEvents events_;
  const Patience patience_;
  State state_ = State::kLost;
  std::string problem_;
  std::unique_ptr<Child> child_;
  std::unique_ptr<Outbox> outbox_;
  std::thread reader_;
  std::uint64_t life_ = 0;  // messages of earlier workers are ignored
  Blame blame_ = Blame::kWorker;
  std::int64_t next_request_ = 0;
  std::map<std::int64_t, Read> pending_;
  std::chrono::milliseconds delay_{};
  Clock::time_point restart_at_{};
  // Counted by ticks: of a starting worker since its start, of a ready one since its last bytes.
  std::chrono::nanoseconds silent_{};
  std::uint64_t heard_ = 0;        // bytes of it, at the last tick
  std::uint64_t page_faults_ = 0;  // of its process, at the beginning of the silence
  std::optional<Clock::time_point> last_tick_;
  int restarts_ = 0;
};

}  // namespace atelier::scheduler
