#include "scheduler/child.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "domain/settings/limits.h"
#include "platform/error.h"

namespace atelier::scheduler {
namespace {

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
    : process_(launch()), channel_(duplicate(process_.socket())) {}

Child::~Child() {
  channel_.close();
  process_.wait_end(domain::limits::kStopPatience);
}

void Child::kill() { process_.send_signal(SIGKILL); }

std::string Child::describe_end() {
  auto end = process_.wait_end(domain::limits::kStopPatience);
  if (!end) {  // its socket is closed, so it is of no use any more
    kill();
    end = process_.wait_end(domain::limits::kStopPatience);
  }
  return end ? platform::describe(*end) : "does not end";
}

void Child::limit_silence(std::chrono::seconds limit) {
  const timeval time{.tv_sec = limit.count(), .tv_usec = 0};
  ::setsockopt(process_.socket(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

}  // namespace atelier::scheduler
