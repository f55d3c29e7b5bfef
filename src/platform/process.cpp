#include "platform/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "platform/error.h"

extern char** environ;

namespace atelier::platform {
namespace {

constexpr int kExecFailed = 127;

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!additions.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : additions) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers_of(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: async-signal-safe calls only, nothing that allocates.
[[noreturn]] void become_child(int socket, int report, pid_t parent, int niceness, char** arguments,
                               char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kExecFailed);  // the parent died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (niceness != 0 && ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + niceness)) {
    // Less polite than wished for, but it runs.
  }
  // The report pipe may sit on descriptor 3: move it out of the way first. dup2 clears
  // close-on-exec.
  const int moved = ::fcntl(report, F_DUPFD_CLOEXEC, kChildSocket + 1);
  int error = errno;
  if (moved >= 0) {
    int on_three = 0;
    if (socket == kChildSocket) {
      on_three = ::fcntl(socket, F_SETFD, 0);
    } else {
      on_three = ::dup2(socket, kChildSocket);
    }
    if (on_three >= 0) {
      // Whatever else the parent has open stays with the parent; the report pipe closes by exec.
      for (int fd = kChildSocket + 1; fd < 1024; ++fd) {
        if (fd != moved) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      }
      ::execve(arguments[0], arguments, environment);
    }
    error = errno;
    [[maybe_unused]] const ssize_t written = ::write(moved, &error, sizeof error);
  }
  ::_exit(kExecFailed);
}

ProcessEnd end_of(int status) {
  if (WIFSIGNALED(status)) return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
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
  std::vector<std::string> environment_texts = merged_environment(options.environment);
  const std::vector<char*> arguments = pointers_of(argument_texts);
  const std::vector<char*> environment = pointers_of(environment_texts);

  int ends[2] = {-1, -1};
  int report[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
      ::pipe2(report, O_CLOEXEC) != 0) {
    const int error = errno;
    if (ends[0] >= 0) {
      ::close(ends[0]);
      ::close(ends[1]);
    }
    throw Error(ErrorCode::kInternal, "cannot start '" + options.program.string() +
                                          "': no socket: " + std::strerror(error));
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become_child(ends[1], report[1], parent, options.niceness, const_cast<char**>(arguments.data()),
                 const_cast<char**>(environment.data()));
  }
  const int fork_error = errno;
  ::close(ends[1]);
  ::close(report[1]);
  int exec_error = pid < 0 ? fork_error : 0;
  if (pid > 0) {
    while (::read(report[0], &exec_error, sizeof exec_error) < 0 && errno == EINTR) {
    }
  }
  ::close(report[0]);
  if (exec_error != 0) {
    ::close(ends[0]);
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    throw Error(ErrorCode::kInternal,
                "cannot start '" + options.program.string() + "': " + std::strerror(exec_error));
  }
  return {pid, ends[0]};
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      socket_(std::exchange(other.socket_, -1)),
      end_(std::exchange(other.end_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    finish();
    pid_ = std::exchange(other.pid_, -1);
    socket_ = std::exchange(other.socket_, -1);
    end_ = std::exchange(other.end_, std::nullopt);
  }
  return *this;
}

ChildProcess::~ChildProcess() { finish(); }

void ChildProcess::finish() noexcept {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  if (pid_ > 0 && !end_) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
}

std::optional<ProcessEnd> ChildProcess::poll_end() {
  if (end_ || pid_ <= 0) return end_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) end_ = end_of(status);
  return end_;
}

std::optional<ProcessEnd> ChildProcess::wait_end(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (!poll_end() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return end_;
}

void ChildProcess::send_signal(int signal) {
  if (pid_ > 0 && !poll_end()) ::kill(pid_, signal);
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace atelier::platform
