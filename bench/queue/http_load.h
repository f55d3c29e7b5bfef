// Clients of one server on this machine, many connections on one thread: requests one after the
// other over connections that stay open, and followers of a stream of events. Failures end the
// program with a sentence.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace atelier::bench {

using Clock = std::chrono::steady_clock;

std::string request_text(int port, const std::string& method, const std::string& path,
                         const std::string& body = {});

struct Load {
  int port = 0;
  int connections = 1;
  double seconds = 1;                               // after which no request is sent any more
  std::int64_t requests_max = INT64_MAX;            // of all connections
  int status = 200;                                 // that every reply must have
  std::function<std::string(int connection)> next;  // the text of the next request
};

struct LoadResult {
  std::int64_t replies = 0;
  double seconds = 0;
  std::vector<double> ms;  // of each reply
};

LoadResult run_load(const Load& load);

struct Followers {
  std::int64_t events = 0;  // of type "progress", of all followers
  double seconds = 0;
};

// Opens `connections` to the path, waits until each has had an event, and counts for `seconds`.
// `begin` is called when the counting begins.
Followers follow(int port, const std::string& path, int connections, double seconds,
                 const std::function<void()>& begin);

}  // namespace atelier::bench
