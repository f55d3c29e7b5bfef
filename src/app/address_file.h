// The address of the station that runs on a home folder (`<home>/station.json`), and the lock that
// allows one station per folder. Failures: Error(kConflict) when another station has the folder.
#pragma once

#include <filesystem>
#include <string>

namespace atelier::app {

// The address of the running station; "" when none runs. The file of a killed station remains, and
// its port may belong to another program by now: the address is valid only while the lock is held.
std::string running_address(const std::filesystem::path& home);

// Held by a station as long as it serves.
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
