// A child program of the station: its process and the channel to it. Made by whoever owns the
// child, in a thread that lives as long as the child may (it ends when that thread does). Failures:
// Error.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "platform/process.h"
#include "protocol/channel.h"

namespace atelier::scheduler {

// How a child is started; injected, so that tests choose the program and its switches.
using LaunchChild = std::function<platform::ChildProcess()>;

class Child {
 public:
  explicit Child(const LaunchChild& launch);
  ~Child();  // lets it end by itself for a moment, then kills it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  protocol::Channel& channel() { return channel_; }
  int pid() const { return process_.pid(); }
  bool ended() { return process_.poll_end().has_value(); }
  void kill();
  // "was killed by signal 9 (Killed)"; waits a moment for the process to be reaped.
  std::string describe_end();
  // A reply that takes longer counts as the child's death.
  void limit_silence(std::chrono::seconds limit);

 private:
  platform::ChildProcess process_;
  protocol::Channel channel_;
};

}  // namespace atelier::scheduler
