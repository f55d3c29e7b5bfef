// Counts the wrong keys of each client address and delays the replies to them; while several
// replies to an address are delayed, further keys from it are refused unchecked, so that neither
// many connections nor closing early makes guessing faster. Lives on the I/O thread; the clock is
// the caller's.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace atelier::http {

class WrongKeys {
 public:
  using Clock = std::chrono::steady_clock;

  struct Verdict {
    std::chrono::milliseconds delay{0};  // of the answer
    std::string line;                    // for the log, "" when this one is not logged
  };

  // Whether a key from this address may be checked now.
  bool may_try(std::string_view address, Clock::time_point now);
  Verdict count(std::string_view address, Clock::time_point now);

 private:
  struct Guesser {
    std::size_t wrong = 0;  // until it has been quiet for a while
    Clock::time_point last;
    std::deque<Clock::time_point> waiting;  // when their answers are due
  };

  Guesser* find(const std::string& name, Clock::time_point now);
  void make_room();

  std::map<std::string, Guesser> guessers_;
};

}  // namespace atelier::http
