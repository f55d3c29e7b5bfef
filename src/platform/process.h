// Child processes that talk over one local socket: the child finds it as file descriptor 3.
// Called by the supervisor thread. Failures throw Error (kInternal) with the program and the
// reason.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace atelier::platform {

inline constexpr int kChildSocket = 3;

struct ProcessOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;              // without the program itself
  std::map<std::string, std::string> environment;  // added to the parent's
  int niceness = 0;                                // added to the parent's
};

// How a process ended.
struct ProcessEnd {
  int exit_code = -1;  // -1: by a signal
  int signal = 0;
};
std::string describe(
    const ProcessEnd& end);  // "exited with code 3", "was killed by signal 9 (Killed)"

// One running child and the parent's end of its socket. The child gets SIGTERM when its parent
// dies. The destructor kills and reaps it.
class ChildProcess {
 public:
  static ChildProcess spawn(const ProcessOptions& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  int socket() const { return socket_; }  // stays owned by this object
  std::optional<ProcessEnd> poll_end();   // reaps without waiting; the end is remembered
  std::optional<ProcessEnd> wait_end(std::chrono::milliseconds at_most);
  void send_signal(int signal);  // nothing when it has ended

 private:
  ChildProcess(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
  void finish() noexcept;

  pid_t pid_ = -1;
  int socket_ = -1;
  std::optional<ProcessEnd> end_;
};

// Folder of the running program, where its siblings lie.
std::filesystem::path program_folder();

}  // namespace atelier::platform
