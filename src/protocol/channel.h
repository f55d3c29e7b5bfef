// One end of the socket between the station and a child: whole frames in, whole frames out,
// blocking. send() may be called from any thread (frames never interleave); receive() from one
// thread, the reader; close() from any thread: it wakes the reader and makes later sends fail.
#pragma once

#include <mutex>
#include <optional>

#include "protocol/frame.h"

namespace atelier::protocol {

class Channel {
 public:
  explicit Channel(int socket, FrameLimits limits = {});  // takes the descriptor over
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Throws kWorkerLost when the other side is gone.
  void send(const Frame& frame);
  // The next frame; empty when the other side has closed or died, also in the middle of a frame.
  // Throws kCorruptData or kTooLarge for nonsense: close the channel then, it cannot find its place
  // again.
  std::optional<Frame> receive();
  void close();

 private:
  const int socket_;
  FrameReader reader_;
  Bytes buffer_;  // of receive()
  std::size_t begin_ = 0, end_ = 0;
  std::mutex sending_;  // one frame at a time
};

}  // namespace atelier::protocol
