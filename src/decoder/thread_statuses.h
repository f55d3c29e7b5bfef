// The kernel's status of every thread of this process, also after files can no longer be opened:
// the files are opened before and read again later. Empty where /proc is not mounted. Called by
// sandbox.cpp; nothing throws.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace atelier::decoder {

class ThreadStatuses {
 public:
  ThreadStatuses();
  ~ThreadStatuses();
  ThreadStatuses(const ThreadStatuses&) = delete;
  ThreadStatuses& operator=(const ThreadStatuses&) = delete;

  std::size_t count() const { return files_.size(); }
  // Whether every thread's status has this line now, as "Seccomp:\t2"; false without any.
  bool all_say(std::string_view line) const;

 private:
  std::vector<int> files_;
};

}  // namespace atelier::decoder
