// The minimum rate of a sender: each `bytes` must arrive within one `window`. A higher rate before
// does not extend it. Pure, one thread; the clock is the caller's.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace atelier::http {

class MinimumRate {
 public:
  using Clock = std::chrono::steady_clock;

  MinimumRate(std::size_t bytes, std::chrono::milliseconds window, Clock::time_point now)
      : bytes_(bytes), window_(window), end_(now + window) {}

  void received(std::size_t bytes, Clock::time_point now) {
    received_ += bytes;
    if (received_ < bytes_) return;
    received_ = 0;
    end_ = now + window_;
  }

  // The deadline of the bytes of this window.
  Clock::time_point deadline() const { return end_; }

 private:
  std::size_t bytes_;
  std::chrono::milliseconds window_;
  Clock::time_point end_;
  std::size_t received_ = 0;
};

}  // namespace atelier::http
