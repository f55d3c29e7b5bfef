#include "platform/child_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "platform/log.h"
#include "platform/output_lines.h"

namespace atelier::platform {
namespace {

// Without a pidfd the child's end is detected by the end of its output, and then polled at this
// interval.
constexpr int kAskAgainMs = 20;
constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kPipeBytes = 64 << 10;  // what a pipe holds
// A line that was written longer ago has nothing to do with the end.
constexpr std::chrono::seconds kLastSeconds{5};
constexpr std::chrono::seconds kOutputPatience{1};
// A killed process ends within milliseconds, where it can end; more on a busy machine.
constexpr std::chrono::seconds kReapPatience{2};

ProcessEnd end_of(int status) {
  if (WIFSIGNALED(status)) return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

// False at the end of the output. Never waits: true when there is nothing now.
bool read_some(int output, OutputLines& lines) {
  std::array<char, kReadBytes> buffer;
  const ssize_t got = ::read(output, buffer.data(), buffer.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  lines.feed({buffer.data(), static_cast<std::size_t>(got)}, OutputLines::Clock::now());
  return got > 0;
}

// What a child that has ended left in the pipe, and not what others may write into it for ever.
void read_rest(int output, OutputLines& lines) {
  for (std::size_t read = 0; read < kPipeBytes && read_some(output, lines); read += kReadBytes) {
  }
  lines.finish();
}

}  // namespace

ChildWatch::ChildWatch(pid_t pid, int output, std::string name)
    : pid_(pid),
      output_(output),
      pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      name_(std::move(name)) {
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
}

void ChildWatch::start() {
  thread_ = std::thread([this] { run(); });
}

ChildWatch::~ChildWatch() {
  send_signal(SIGKILL);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  const auto until = std::chrono::steady_clock::now() + kReapPatience;
  bool ended = reap();
  while (!ended && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ended = reap();
  }
  if (!ended) {
    log_error(name_ + " " + std::to_string(pid_) +
              " was killed and does not end: it waits in the kernel, for a disk or a device");
    std::thread([pid = pid_] {
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }).detach();
  }
  for (const int descriptor : {output_, pidfd_, stop_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

void ChildWatch::run() {
  const std::string beginning = name_ + " " + std::to_string(pid_) + ": ";
  OutputLines lines([&](const std::string& line) {
    log_warning(beginning + line);
    const std::scoped_lock lock(mutex_);
    last_line_ = line;
    last_written_ = std::chrono::steady_clock::now();
  });
  std::array<pollfd, 3> watched{pollfd{output_, POLLIN, 0}, pollfd{pidfd_, POLLIN, 0},
                                pollfd{stop_, POLLIN, 0}};
  bool ended = false;
  while (!ended && watched[2].revents == 0) {
    const bool ask = watched[0].fd < 0 && pidfd_ < 0;
    if (::poll(watched.data(), watched.size(), ask ? kAskAgainMs : -1) < 0 && errno != EINTR) break;
    if (watched[0].revents != 0 && !read_some(output_, lines)) watched[0].fd = -1;
    if (ask || watched[0].fd < 0 || watched[1].revents != 0) ended = reap();
  }
  read_rest(output_, lines);
  const std::scoped_lock lock(mutex_);
  output_read_ = true;
  ended_.notify_all();
}

std::string ChildWatch::last_line() {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, kOutputPatience, [this] { return output_read_; });
  return ended_at_ - last_written_ < kLastSeconds ? last_line_ : "";
}

bool ChildWatch::reap() {
  const std::scoped_lock lock(mutex_);
  if (end_) return true;
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
  if (reaped == 0 || (reaped < 0 && errno == EINTR)) return false;
  ended_at_ = std::chrono::steady_clock::now();
  end_ = reaped == pid_ ? end_of(status) : ProcessEnd{};  // reaped elsewhere in this process
  ended_.notify_all();
  return true;
}

std::optional<ProcessEnd> ChildWatch::end() {
  reap();
  const std::scoped_lock lock(mutex_);
  return end_;
}

std::optional<ProcessEnd> ChildWatch::wait_end(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, at_most, [this] { return end_.has_value(); });
  return end_;
}

void ChildWatch::send_signal(int signal) {
  // Under the lock: a child that is not reaped keeps its process id, so the signal cannot reach
  // another process.
  const std::scoped_lock lock(mutex_);
  if (!end_) ::kill(pid_, signal);
}

}  // namespace atelier::platform
