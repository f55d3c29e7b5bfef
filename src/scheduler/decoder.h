// A decoder process and what it can do, used by one thread of the media pool. A picture that ends
// two processes is refused with Error(kCorruptData); the next call starts another process. A
// malformed reply and no reply in time end a process as well.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/image/colour.h"
#include "media/image/frame.h"
#include "media/image/image.h"
#include "platform/error.h"
#include "protocol/messages.h"
#include "scheduler/child.h"
#include "scheduler/scheduler.h"

namespace atelier::scheduler {

struct DecodedPicture {
  media::Image image;
  std::string media_type;  // of the file that was decoded
  std::vector<media::Frame> later_frames = {};
  int frames_total = 1;  // of the file
};

struct EncodedPicture {
  std::vector<std::uint8_t> bytes;
  std::string media_type;
};

class Decoder {
 public:
  explicit Decoder(LaunchChild launch, const Patience& patience = {})
      : launch_(std::move(launch)), patience_(patience) {}

  // With a matte, transparent parts lie on it; without, the picture keeps them. Throws
  // kCorruptData, kTooLarge, kUnsupported (no picture format that we read). Of an animated picture
  // up to `frames_max` frames are decoded, the first one among them.
  DecodedPicture decode(std::span<const std::uint8_t> bytes,
                        std::optional<media::Colour> matte = {}, int frames_max = 1);
  // Our own pixels: when the process ends, it is tried once more before it is an error.
  EncodedPicture encode(const media::Image& image, const std::string& format,
                        const std::vector<protocol::TextEntry>& texts);
  // Any thread; empty before the first picture.
  std::optional<DecoderStatus> status();
  // Any thread: the present call fails at once, and so do later ones.
  void abort();

 private:
  using Read = std::function<void(protocol::Message)>;

  // Twice, unless the first process took all the time there is. Throws kCorruptData or kInternal
  // with `what` and how the process ended.
  void call(const protocol::Frame& frame, std::int64_t id, ErrorCode code, const std::string& what,
            const Read& read);
  // False when the process ended on it; `end_` then says how.
  bool call_once(const protocol::Frame& frame, std::int64_t id, const Read& read);
  std::shared_ptr<Child> child();
  std::shared_ptr<Child> responding_child();
  void adopt(std::shared_ptr<Child> child);
  bool exchange_hello(Child& child);
  std::shared_ptr<Child> start();
  void check_not_aborted();

  const LaunchChild launch_;
  const Patience patience_;
  std::int64_t next_id_ = 0;
  bool ready_ = false;  // child_ has reported that it is ready
  std::string end_;
  std::mutex mutex_;
  std::shared_ptr<Child> child_;         // guarded by mutex_
  bool aborted_ = false;                 // guarded by mutex_
  std::optional<DecoderStatus> status_;  // guarded by mutex_; from its last hello
};

}  // namespace atelier::scheduler
