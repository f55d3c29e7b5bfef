#include "platform/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "platform/environment.h"
#include "platform/error.h"

extern char** environ;

namespace atelier::platform {
namespace {

constexpr int kExecFailed = 127;
constexpr int kHighestOfOldKernels = 1 << 16;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

// A pair of connected descriptors, both closed by exec.
struct Ends {
  Descriptor parent, child;
};

std::vector<char*> pointers_of(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void cannot_start(const ProcessOptions& options, int error) {
  throw Error(ErrorCode::kInternal,
              "cannot start '" + options.program.string() + "': " + std::strerror(error));
}

void check(const ProcessOptions& options, int result) {
  if (result < 0) cannot_start(options, errno);
}

void open_pipe(const ProcessOptions& options, Ends& ends) {
  int both[2] = {-1, -1};
  check(options, ::pipe2(both, O_CLOEXEC));
  ends.parent.reset(both[0]);
  ends.child.reset(both[1]);
}

// Everything between fork and exec, made before the fork.
struct Plan {
  char** arguments = nullptr;
  char** environment = nullptr;
  pid_t parent = 0;
  int niceness = 0;
  int nothing = -1;  // standard input
  int output = -1;   // standard output and error
  int socket = -1;
  int report = -1;  // gets errno when exec fails
};

// The rest is between fork and exec: async-signal-safe calls only, nothing that allocates.

// Puts a descriptor where the program expects it; dup2 clears close-on-exec.
bool place(int from, int to) { return ::dup2(from, to) == to; }

void close_by_exec_from(int first) {
  if (::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, kHighestOfOldKernels));
  for (int fd = first; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// The lowest descriptors are about to be replaced: what is still needed moves out of their way.
int out_of_the_way(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, kChildSocket + 1); }

[[noreturn]] void become_child(const Plan& plan) {
  // Not SIGTERM: a child that is stopped would keep that waiting.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(kExecFailed);  // the parent died before the line above
  ::setsid();  // no terminal, whose input it could fake, and no signals meant for the parent's
               // group
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (plan.niceness != 0 &&
      ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + plan.niceness)) {
    // The priority stays as it was: the child runs all the same.
  }
  const int nothing = out_of_the_way(plan.nothing);
  const int output = out_of_the_way(plan.output);
  const int socket = out_of_the_way(plan.socket);
  const int report = out_of_the_way(plan.report);
  if (place(nothing, STDIN_FILENO) && place(output, STDOUT_FILENO) &&
      place(output, STDERR_FILENO) && place(socket, kChildSocket)) {
    close_by_exec_from(kChildSocket + 1);
    ::execve(plan.arguments[0], plan.arguments, plan.environment);
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
  ::_exit(kExecFailed);
}

// 0 when the program runs, else the reason.
int wait_for_exec(int report) {
  int error = 0;
  while (::read(report, &error, sizeof error) < 0 && errno == EINTR) {
  }
  return error;
}

}  // namespace

std::string describe(const ProcessEnd& end) {
  if (end.signal == 0) return "exited with code " + std::to_string(end.exit_code);
  return "was killed by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) +
         ")";
}

ChildProcess ChildProcess::spawn(const ProcessOptions& options) {
  std::vector<std::string> argument_texts{options.program.string()};
  argument_texts.insert(argument_texts.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment_texts = child_environment(environ, options.environment);
  std::vector<char*> arguments = pointers_of(argument_texts);
  std::vector<char*> environment = pointers_of(environment_texts);

  Ends socket, output, report;
  int pair[2] = {-1, -1};
  check(options, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  socket.parent.reset(pair[0]);
  socket.child.reset(pair[1]);
  open_pipe(options, output);
  open_pipe(options, report);
  const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  check(options, nothing.get());

  const Plan plan{arguments.data(), environment.data(), ::getpid(),         options.niceness,
                  nothing.get(),    output.child.get(), socket.child.get(), report.child.get()};
  const pid_t pid = ::fork();
  if (pid == 0) become_child(plan);
  check(options, pid);
  auto watch = std::make_unique<ChildWatch>(
      pid, output.parent.release(),
      options.name.empty() ? options.program.filename().string() : options.name);
  socket.child.reset();
  output.child.reset();
  report.child.reset();
  if (const int error = wait_for_exec(report.parent.get())) cannot_start(options, error);
  watch->start();
  return {std::move(watch), socket.parent.release()};
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : watch_(std::move(other.watch_)), socket_(std::exchange(other.socket_, -1)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    const ChildProcess ends_now(std::move(*this));
    watch_ = std::move(other.watch_);
    socket_ = std::exchange(other.socket_, -1);
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  if (socket_ >= 0) ::close(socket_);
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace atelier::platform
