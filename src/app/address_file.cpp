#include "app/address_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <vector>

#include "json/describe.h"
#include "platform/error.h"
#include "platform/files.h"

namespace atelier::app {

struct StationAddress {
  std::string url;
  int pid = 0;
};
BOOST_DESCRIBE_STRUCT(StationAddress, (), (url, pid))

namespace {

constexpr std::size_t kAddressBytesMax = 4096;

// The lock is held briefly by a command that checks for a running station, and by a child that was
// forked before its station was killed, until exec.
constexpr int kLockTries = 100;
constexpr std::chrono::milliseconds kLockPause{20};

std::filesystem::path address_path(const std::filesystem::path& home) {
  return home / "station.json";
}

std::filesystem::path lock_path(const std::filesystem::path& home) { return home / "station.lock"; }

bool take_lock(int file) {
  for (int i = 0; i < kLockTries; ++i) {
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return true;
    std::this_thread::sleep_for(kLockPause);
  }
  return false;
}

bool is_locked(const std::filesystem::path& home) {
  const int file = ::open(lock_path(home).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

StationAddress read_address(const std::filesystem::path& home) {
  std::error_code failure;
  if (!is_locked(home) || !std::filesystem::exists(address_path(home), failure)) return {};
  return json::read_json<StationAddress>(platform::read_text(address_path(home), kAddressBytesMax));
}

}  // namespace

std::string running_address(const std::filesystem::path& home) { return read_address(home).url; }

HomeLock::HomeLock(const std::filesystem::path& home) : home_(home) {
  file_ = ::open(lock_path(home).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) {
    const int why = errno;
    const bool full = why == ENOSPC || why == EDQUOT;
    throw Error(full ? ErrorCode::kInternal : ErrorCode::kInvalidArgument,
                "the home folder '" + home.string() + "' cannot be written: " + std::strerror(why) +
                    "; " + (full ? "free some space or " : "") + "name another with --home");
  }
  if (take_lock(file_)) {
    std::error_code failure;  // left by a station that was killed
    std::filesystem::remove(address_path(home), failure);
    return;
  }
  ::close(file_);
  const auto first = read_address(home);
  const auto where =
      first.url.empty() ? "" : " at " + first.url + " (process " + std::to_string(first.pid) + ")";
  throw Error(ErrorCode::kConflict, "a station already runs on the home folder '" + home.string() +
                                        "'" + where +
                                        ": use it, stop it, or name another folder with --home");
}

HomeLock::~HomeLock() {
  std::error_code failure;  // a stale address is only a failed attempt to reach it
  std::filesystem::remove(address_path(home_), failure);
  ::close(file_);
}

void HomeLock::write_address(const std::string& url) {
  const auto text = json::write_json(StationAddress{url, ::getpid()});
  platform::write_file_atomically(address_path(home_),
                                  std::vector<std::uint8_t>(text.begin(), text.end()));
}

}  // namespace atelier::app
