// One end of the socket between the station and a child: whole frames in, whole frames out. send()
// may be called from any thread (frames never interleave); receive() from one thread, the reader;
// close() from any thread: it wakes the reader and the senders, and makes later sends fail. Both
// wait for the other side at most until the given time. After a failure in the middle of a frame
// the channel is closed, because the next frame cannot be found in the stream.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "protocol/frame.h"

namespace atelier::protocol {

class Channel {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point kNever = Clock::time_point::max();

  explicit Channel(int socket, FrameLimits limits = {});  // takes the descriptor over
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Throws kTooLarge for a frame over the limits of the other side: nothing was sent then, and the
  // channel stays open. Throws kWorkerLost when the other side has closed, kInternal when the whole
  // frame was not sent in time; the channel is closed then.
  void send(const Frame& frame, Clock::time_point until = kNever);
  // The next frame; empty when the other side has closed or ended, also in the middle of a frame.
  // Throws kCorruptData or kTooLarge for malformed data, kInternal when no whole frame came in
  // time; the channel is closed then.
  std::optional<Frame> receive(Clock::time_point until = kNever);
  void close();
  // A sign of life of the other side: bytes that receive() has read since the start, also of a
  // frame that is not whole yet, and whether there are more that it has not read. From any thread.
  std::uint64_t bytes_received() const { return received_.load(std::memory_order_relaxed); }
  bool has_unread() const;
  const FrameLimits& limits() const { return limits_; }

 private:
  class Transfer;

  const int socket_;
  const FrameLimits limits_;
  FrameReader reader_;
  Bytes buffer_;  // of receive()
  std::size_t begin_ = 0, end_ = 0;
  std::atomic<std::uint64_t> received_ = 0;
  std::mutex sending_;  // one frame at a time
};

}  // namespace atelier::protocol
