#include "scheduler/child.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include "platform/process_activity.h"
#include "scheduler/end_evidence.h"

namespace atelier::scheduler {
namespace {

using protocol::Message;
using Clock = protocol::Channel::Clock;

// The channel closes its descriptor, and the process its own: both are ends of the same socket.
int duplicate(int socket) {
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    throw Error(ErrorCode::kInternal,
                std::string("a child's socket cannot be opened: ") + std::strerror(errno));
  }
  return copy;
}

}  // namespace

Child::Child(const LaunchChild& launch)
    : process_(launch()),
      pid_(process_.pid()),
      memory_kills_(platform::memory_kills()),
      channel_(duplicate(process_.socket())) {}

Child::~Child() {
  channel_.close();
  wait_end(domain::limits::kStopPatience);
}

bool Child::ended() {
  const std::lock_guard lock(mutex_);
  return process_.poll_end().has_value();
}

std::optional<platform::ProcessEnd> Child::wait_end(std::chrono::milliseconds at_most) {
  const auto until = Clock::now() + at_most;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const auto end = process_.poll_end();
      if (end || Clock::now() >= until) return end;
    }
    // Not within the lock: kill() need not wait.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Child::end(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (why_ended_.empty()) why_ended_ = why;
  process_.send_signal(SIGKILL);
}

std::string Child::describe_end() {
  auto end = wait_end(domain::limits::kStopPatience);
  if (!end) {
    this->end("it closed its connection and kept running");
    end = wait_end(domain::limits::kStopPatience);
  }
  const std::lock_guard lock(mutex_);
  // A child that ended by itself just before it was to be killed keeps that end.
  const bool killed_here = !end || end->signal == SIGKILL;
  if (killed_here && !why_ended_.empty()) return "was ended because " + why_ended_;
  if (!end) return "does not end";
  return scheduler::describe_end(*end, process_.last_line(),
                                 platform::memory_kills() > memory_kills_);
}

std::optional<Error> Child::converse(const protocol::Frame& request, std::int64_t id,
                                     Clock::time_point until,
                                     const std::function<void(Message)>& read) {
  channel_.send(request, until);
  auto frame = channel_.receive(until);
  if (!frame) throw Error(ErrorCode::kWorkerLost, "the other program has closed the connection");
  auto message = protocol::read_message(std::move(*frame));
  const bool failed = message.kind == Message::Kind::kFailure;
  if ((!failed && message.kind != Message::Kind::kResult) || message.id != id) {
    throw Error(ErrorCode::kCorruptData, "the other program sent a message that is not the reply");
  }
  if (failed) return message.error();
  read(std::move(message));
  return std::nullopt;
}

Child::Answer Child::exchange(const protocol::Frame& request, std::int64_t id,
                              Clock::time_point until, const std::function<void(Message)>& read) {
  if (const auto what = protocol::over_limit(request); !what.empty()) {
    return {.child_ended = false,
            .refusal = Error(ErrorCode::kTooLarge,
                             "the picture is too large for a message: it makes " + what)};
  }
  try {
    return {.child_ended = false, .refusal = converse(request, id, until, read)};
  } catch (const std::exception& error) {
    channel_.close();
    const auto* ours = dynamic_cast<const Error*>(&error);
    const bool gone = ours != nullptr && ours->code() == ErrorCode::kWorkerLost;
    if (!gone) end(error.what());  // of one that has ended, the exit status is the reason
    return {.child_ended = true, .refusal = std::nullopt};
  }
}

}  // namespace atelier::scheduler
