#include "decoder/thread_statuses.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>

namespace atelier::decoder {
namespace {

bool says(int file, std::string_view line) {
  std::array<char, 8192> buffer;  // a status has about 1,500 bytes
  const ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  const std::string_view status(buffer.data(), static_cast<std::size_t>(got));
  return status.find("\n" + std::string(line) + "\n") != std::string_view::npos;
}

}  // namespace

ThreadStatuses::ThreadStatuses() {
  std::error_code failure;
  for (std::filesystem::directory_iterator each("/proc/self/task", failure), end;
       !failure && each != end; each.increment(failure)) {
    files_.push_back(::open((each->path() / "status").c_str(), O_RDONLY | O_CLOEXEC));
  }
}

ThreadStatuses::~ThreadStatuses() {
  for (const int file : files_) {
    if (file >= 0) ::close(file);
  }
}

bool ThreadStatuses::all_say(std::string_view line) const {
  return !files_.empty() &&
         std::ranges::all_of(files_, [line](int file) { return says(file, line); });
}

}  // namespace atelier::decoder
