// A decoder process and what it can do, used by one thread of the media pool. A picture on which
// two processes die costs that picture: Error(kCorruptData); the next call starts another process.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/image/image.h"
#include "protocol/messages.h"
#include "scheduler/child.h"

namespace atelier::scheduler {

struct DecodedPicture {
  media::Image image;
  std::string media_type;  // of the file that was decoded
};

struct EncodedPicture {
  std::vector<std::uint8_t> bytes;
  std::string media_type;
};

class Decoder {
 public:
  explicit Decoder(LaunchChild launch) : launch_(std::move(launch)) {}

  // Throws kCorruptData, kTooLarge, kUnsupported (no picture format that we read).
  DecodedPicture decode(std::span<const std::uint8_t> bytes);
  // Our own pixels: a death is tried once more before it is an error.
  EncodedPicture encode(const media::Image& image, const std::string& format,
                        const std::vector<protocol::TextEntry>& texts);
  void abort();  // any thread: a call under way fails, later ones too

 private:
  // Empty when the process died on it; `end_` then says how.
  std::optional<protocol::Message> call(const protocol::Frame& frame, std::int64_t id);
  std::shared_ptr<Child> child();
  void drop();

  LaunchChild launch_;
  std::int64_t next_id_ = 0;
  std::string end_;
  std::mutex mutex_;
  std::shared_ptr<Child> child_;  // guarded by mutex_
  bool aborted_ = false;          // guarded by mutex_
};

}  // namespace atelier::scheduler
