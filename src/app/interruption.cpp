#include "app/interruption.h"

#include <csignal>
#include <ctime>

#include <atomic>

namespace atelier::app {
namespace {

sigset_t interruptions() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

std::atomic<bool> seen = false;

}  // namespace

void block_interruptions() {
  const auto set = interruptions();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed socket returns an error instead
  std::signal(SIGXFSZ, SIG_IGN);  // so does writing beyond a file size limit
}

bool wait_for_interruption(std::chrono::milliseconds at_most) {
  return seen || wait_for_next_interruption(at_most);
}

bool wait_for_next_interruption(std::chrono::milliseconds at_most) {
  const auto set = interruptions();
  const timespec time{.tv_sec = static_cast<std::time_t>(at_most.count() / 1000),
                      .tv_nsec = static_cast<long>(at_most.count() % 1000) * 1'000'000};
  const bool came = sigtimedwait(&set, nullptr, &time) > 0;
  if (came) seen = true;
  return came;
}

}  // namespace atelier::app
