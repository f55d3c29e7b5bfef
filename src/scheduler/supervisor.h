// Keeps one worker alive: starts it, greets it, notices its death at once, starts another after a
// growing delay. All functions are called by the scheduler thread; so are the events, from within
// letters of its inbox. A program that cannot be started is a sentence in problem(), not an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "protocol/messages.h"
#include "scheduler/child.h"
#include "scheduler/inbox.h"

namespace atelier::scheduler {

struct SupervisorEvents {
  std::function<void(const protocol::HelloReply&)> ready;
  std::function<void(const std::string& end)> lost;  // "was killed by signal 9 (Killed)"
  std::function<void(protocol::Message)> notified;   // progress, preview
};

class Supervisor {
 public:
  using Clock = std::chrono::steady_clock;
  using Reply = std::function<void(protocol::Message)>;  // never called when the worker dies first
  enum class State { kStarting, kReady, kLost, kMissing };

  Supervisor(LaunchChild launch, Inbox& inbox, SupervisorEvents events);
  ~Supervisor();

  void tick(Clock::time_point now);  // (re)starts when it is time, gives up on a silent start
  void praise() { delay_ = {}; }     // it did its work: the next restart comes soon
  void kill();                       // lost() follows

  template <class Params>
  void request(const Params& params, std::vector<protocol::Bytes> parts, Reply reply) {
    const auto id = ++next_request_;
    pending_[id] = std::move(reply);
    send(protocol::request_frame(id, params, std::move(parts)));
  }
  template <class Params>
  void notify(const Params& params) {
    send(protocol::notification_frame(params));
  }

  State state() const { return state_; }
  const std::string& problem() const { return problem_; }
  int pid() const { return child_ ? child_->pid() : 0; }
  int restarts() const { return restarts_; }

 private:
  void start(Clock::time_point now);
  void send(const protocol::Frame& frame);
  void received(std::uint64_t life, protocol::Message message);
  void greeted(const protocol::Message& message);
  void ended(std::uint64_t life);
  void drop_child();

  LaunchChild launch_;
  Inbox& inbox_;
  SupervisorEvents events_;
  State state_ = State::kLost;
  std::string problem_;
  std::unique_ptr<Child> child_;
  std::thread reader_;
  std::uint64_t life_ = 0;  // letters of earlier workers are ignored
  std::int64_t next_request_ = 0;
  std::map<std::int64_t, Reply> pending_;
  std::chrono::milliseconds delay_{};
  Clock::time_point restart_at_{}, greeting_until_{};
  int restarts_ = 0;
};

}  // namespace atelier::scheduler
