// Framing between the station and its children: JSON-RPC 2.0 with a Content-Length header, as
// language servers use it, plus binary parts that follow the JSON. On the wire:
//   Content-Length: 123\r\nContent-Parts: 4096,17\r\n\r\n{json}{4096 bytes}{17 bytes}
// The reader is incremental and bounded: a header line, a JSON text, a part or a frame over its
// limit throws kTooLarge, malformed data throws kCorruptData; nothing is allocated before its size
// was checked, and memory grows with the bytes that arrive, not with the size that a header claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace atelier::protocol {

using Bytes = std::vector<std::uint8_t>;

struct Frame {
  std::string json;
  std::vector<Bytes> parts;
};

struct FrameLimits {
  std::size_t header_bytes = 4096;
  std::size_t json_bytes = std::size_t{16} << 20;
  std::size_t parts = 64;
  std::size_t part_bytes = std::size_t{1} << 30;  // 200 megapixels RGBA fit
  std::size_t total_bytes = std::size_t{2} << 30;
};

std::vector<std::uint8_t> encode_frame_header(
    const Frame& frame);  // up to the blank line, included

// The part of a frame that is over a limit of the other side: "a text over the limit of 16777216".
// Empty: none.
std::string over_limit(const Frame& frame, const FrameLimits& limits = {});

class FrameReader {
 public:
  explicit FrameReader(FrameLimits limits = {}) : limits_(limits) {}
  // Consumes the bytes that belong to the current frame and returns how many; when that is fewer
  // than given, call next() and feed the rest.
  std::size_t feed_some(std::span<const std::uint8_t> bytes);
  // Consumes all; complete frames are queued for next().
  void feed(std::span<const std::uint8_t> bytes);
  std::optional<Frame> next();  // a complete frame, if one has arrived
  bool between_frames()
      const;  // at the boundary of two frames: the end of the stream is orderly here

 private:
  bool frame_complete() const;
  std::size_t feed_header(std::span<const std::uint8_t> bytes);
  std::size_t feed_json(std::span<const std::uint8_t> bytes);
  std::size_t feed_part(std::span<const std::uint8_t> bytes);
  void read_header();

  FrameLimits limits_;
  std::string header_;
  bool header_read_ = false;
  std::size_t json_size_ = 0;
  std::vector<std::size_t> part_sizes_;
  Frame frame_;    // under way
  Bytes waiting_;  // bytes after a complete frame that feed() has already taken
};

}  // namespace atelier::protocol
