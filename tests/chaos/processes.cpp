#include "processes.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace atelier::chaos {

namespace fs = std::filesystem;

std::vector<Process> children_of(pid_t parent) {
  std::vector<Process> children;
  std::error_code ended;
  for (const auto& entry : fs::directory_iterator("/proc", ended)) {
    const auto number = entry.path().filename().string();
    if (!std::ranges::all_of(number, [](unsigned char c) { return std::isdigit(c) != 0; }))
      continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (!std::getline(file, line)) continue;
    const auto begin = line.find('('), end = line.rfind(')');
    if (begin == std::string::npos || end == std::string::npos) continue;
    Process process{.pid = std::stoi(number), .name = line.substr(begin + 1, end - begin - 1)};
    pid_t its_parent = 0;
    std::istringstream rest(line.substr(end + 1));
    if (rest >> process.state >> its_parent && its_parent == parent) children.push_back(process);
  }
  return children;
}

Usage usage_of(pid_t pid) {
  Usage usage;
  const fs::path folder = "/proc/" + std::to_string(pid);
  std::ifstream status(folder / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) usage.resident_kb = std::stol(line.substr(6));
    if (line.starts_with("Threads:")) usage.threads = std::stoi(line.substr(8));
  }
  std::error_code ended;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder / "fd", ended)) {
    ++usage.files;
  }
  return usage;
}

}  // namespace atelier::chaos
