// Where the running station of a home folder answers: `<home>/station.json`, and the lock that
// makes it the only one. Failures: Error(kConflict) when another station has the folder.
#pragma once

#include <filesystem>
#include <string>

namespace atelier::app {

// The address of the station that runs there now; "" when none does. A station that was killed
// leaves its address behind, where any program may listen by now: only the lock says that the
// station lives.
std::string running_address(const std::filesystem::path& home);

// Held by a serving station for its whole life.
class HomeLock {
 public:
  explicit HomeLock(const std::filesystem::path& home);
  ~HomeLock();  // removes the address
  HomeLock(const HomeLock&) = delete;
  HomeLock& operator=(const HomeLock&) = delete;
  void write_address(const std::string& url);

 private:
  std::filesystem::path home_;
  int file_ = -1;
};

}  // namespace atelier::app
