// The thread that watches one child process: writes the child's standard output
// and error into the log, and reaps it as soon as it has ended. Owned by ChildProcess (process.h);
// its functions may be called from any thread. Failures: start() throws std::system_error.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace atelier::platform {

// How a process ended.
struct ProcessEnd {
  int exit_code = -1;  // -1: by a signal
  int signal = 0;
};

class ChildWatch {
 public:
  // `output` is the reading end of the pipe behind the child's standard output and error; the watch
  // closes it. `name` begins every line.
  ChildWatch(pid_t pid, int output, std::string name);
  void start();
  // Kills the child and waits for its end, but only a moment for one that waits in a driver and
  // cannot be killed: that is reaped later.
  ~ChildWatch();
  ChildWatch(const ChildWatch&) = delete;
  ChildWatch& operator=(const ChildWatch&) = delete;

  pid_t pid() const { return pid_; }
  std::optional<ProcessEnd> end();
  std::optional<ProcessEnd> wait_end(std::chrono::milliseconds at_most);
  void send_signal(int signal);  // nothing when it has ended
  // The last line that it wrote before its end, "" where it wrote none in its last seconds. Called
  // after its end; waits a moment for the rest of its output.
  std::string last_line();

 private:
  void run();
  bool reap();

  const pid_t pid_;
  const int output_;
  const int pidfd_;  // -1 where the kernel has none
  const int stop_;   // an eventfd
  const std::string name_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<ProcessEnd> end_;                         // guarded by mutex_
  std::chrono::steady_clock::time_point ended_at_{};      // guarded by mutex_
  std::string last_line_;                                 // guarded by mutex_
  std::chrono::steady_clock::time_point last_written_{};  // guarded by mutex_
  bool output_read_ = false;                              // all of it; guarded by mutex_
  std::thread thread_;
};

}  // namespace atelier::platform
