// Child processes that communicate over one local socket: the child finds it as file descriptor 3.
// It has a session of its own (no terminal), nothing on its standard input, and what it writes on
// standard output and error becomes lines of this program's log. It gets the environment of
// environment.h and no other descriptor. Called by the owner of the child. Failures throw Error
// (kInternal) with the program and the reason.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/child_watch.h"

namespace atelier::platform {

inline constexpr int kChildSocket = 3;

struct ProcessOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;              // without the program itself
  std::map<std::string, std::string> environment;  // added to what children inherit
  int niceness = 0;                                // added to the parent's
  std::string name = {};                           // in the log; "": that of the program's file
};

std::string describe(
    const ProcessEnd& end);  // "exited with code 3", "was killed by signal 9 (Killed)"

// One running child and the parent's end of its socket. The child is killed when the thread that
// started it ends. It is reaped as soon as it ends; the destructor kills it.
class ChildProcess {
 public:
  static ChildProcess spawn(const ProcessOptions& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return watch_->pid(); }
  int socket() const { return socket_; }  // stays owned by this object
  std::optional<ProcessEnd> poll_end() { return watch_->end(); }
  std::optional<ProcessEnd> wait_end(std::chrono::milliseconds at_most) {
    return watch_->wait_end(at_most);
  }
  std::string last_line() { return watch_->last_line(); }        // see child_watch.h
  void send_signal(int signal) { watch_->send_signal(signal); }  // nothing when it has ended

 private:
  ChildProcess(std::unique_ptr<ChildWatch> watch, int socket)
      : watch_(std::move(watch)), socket_(socket) {}

  std::unique_ptr<ChildWatch> watch_;
  int socket_ = -1;
};

// Folder of the running program, where its siblings lie.
std::filesystem::path program_folder();

}  // namespace atelier::platform
