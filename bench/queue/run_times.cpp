#include "bench/queue/run_times.h"

#include <array>
#include <sstream>
#include <thread>
#include <utility>

namespace atelier::bench {

const std::map<std::uint64_t, RunTime>& RunTimes::read() {
  if (!stream_.is_open()) stream_.open(file_);
  stream_.clear();
  std::array<char, 65536> piece;
  while (stream_.read(piece.data(), piece.size()), stream_.gcount() > 0) {
    rest_.append(piece.data(), static_cast<std::size_t>(stream_.gcount()));
  }
  stream_.clear();
  std::size_t done = 0;
  for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', done)) {
    std::istringstream line(rest_.substr(done, end - done));
    done = end + 1;
    std::string what;
    std::uint64_t seed = 0;
    std::int64_t nanoseconds = 0;
    line >> what >> seed >> nanoseconds;
    const std::chrono::steady_clock::time_point time{std::chrono::nanoseconds(nanoseconds)};
    (what == "begin" ? runs_[seed].begin : runs_[seed].end) = time;
  }
  rest_.erase(0, done);
  return runs_;
}

std::optional<RunTime> RunTimes::wait_for_begin(std::uint64_t seed,
                                                std::chrono::milliseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  while (std::chrono::steady_clock::now() < until) {
    const auto& runs = read();
    if (const auto found = runs.find(seed); found != runs.end()) return found->second;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

}  // namespace atelier::bench
