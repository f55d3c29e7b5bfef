// A child program of the station: its process and the channel to it. Constructed by its owner, on a
// thread that runs as long as the child may run (the child ends with that thread). Any failure of
// its channel ends the child; its owner reads how it ended and starts another. All functions but
// the constructor may be called from any thread. Failures: Error.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/process.h"
#include "protocol/channel.h"
#include "protocol/message.h"

namespace atelier::scheduler {

// How a child is started; injected, so that tests choose the program and its switches.
using LaunchChild = std::function<platform::ChildProcess()>;

// Timeouts of children; shorter in tests.
struct Patience {
  std::chrono::milliseconds greeting = domain::limits::kGreetingPatience;
  std::chrono::milliseconds start_turn = domain::limits::kStartTurn;
  std::chrono::milliseconds silence = domain::limits::kSilenceMax;  // of a worker's process
  // …of one that waits for the disk: a machine that swaps.
  std::chrono::milliseconds swapping = domain::limits::kSwappingSilenceMax;
  std::chrono::milliseconds idle_decoder = domain::limits::kIdleDecoderPatience;  // its ping
  std::chrono::milliseconds picture = domain::limits::kPictureTimeout;
  std::chrono::milliseconds cancel = domain::limits::kCancelPatience;
  // Between two messages about a job: where no time is measured yet, and at least.
  std::chrono::milliseconds job = domain::limits::kJobSilenceMax;
  std::chrono::milliseconds measured_job = domain::limits::kMeasuredJobSilenceMin;
};

class Child {
 public:
  explicit Child(const LaunchChild& launch);
  ~Child();  // waits a moment for its end, then kills it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  protocol::Channel& channel() { return channel_; }
  int pid() const { return pid_; }
  bool ended();

  // Kills it, with the reason as a sentence without its subject's name: "it sent nothing for 10 s".
  // The first reason counts.
  void end(const std::string& why);
  // "was killed by signal 9 (Killed)", "was ended because it sent nothing for 10 s", with the
  // evidence that there is: its last line of output, a kill for lack of memory. Called once its
  // channel is closed: waits a moment for its end, then kills it.
  std::string describe_end();

  // The outcome of a request.
  struct Answer {
    bool child_ended = false;      // describe_end() says how
    std::optional<Error> refusal;  // the child's failure; else `read` has accepted the result
  };
  // Sends a request and passes its result to `read`. A child that does not receive and answer the
  // request by `until`, or whose reply is malformed (`read` threw), is ended.
  Answer exchange(const protocol::Frame& request, std::int64_t id,
                  protocol::Channel::Clock::time_point until,
                  const std::function<void(protocol::Message)>& read);

 private:
  std::optional<platform::ProcessEnd> wait_end(std::chrono::milliseconds at_most);
  // The child's failure; empty when `read` has accepted the result. Throws on a malformed reply.
  std::optional<Error> converse(const protocol::Frame& request, std::int64_t id,
                                protocol::Channel::Clock::time_point until,
                                const std::function<void(protocol::Message)>& read);

  std::mutex mutex_;
  platform::ChildProcess process_;  // guarded by mutex_
  std::string why_ended_;           // guarded by mutex_; "" when the station did not end it
  const int pid_;
  const std::int64_t memory_kills_;  // of the kernel, at its start
  protocol::Channel channel_;
};

}  // namespace atelier::scheduler
