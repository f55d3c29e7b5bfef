// Framing between the station and its children: JSON-RPC 2.0 with a Content-Length header, as language
// servers use it, plus binary parts that follow the JSON. On the wire:
//   Content-Length: 123\r\nContent-Parts: 4096,17\r\n\r\n{json}{4096 bytes}{17 bytes}
// The reader is incremental and bounded: a header line, a JSON text, a part or a frame over its limit
// throws kTooLarge, nonsense throws kCorruptData; nothing is allocated before its size was checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace atelier::protocol {

struct Frame {
  std::string json;
  std::vector<std::vector<std::uint8_t>> parts;
};

struct FrameLimits {
  std::size_t header_bytes = 4096;
  std::size_t json_bytes = std::size_t{16} << 20;
  std::size_t parts = 64;
  std::size_t part_bytes = std::size_t{1} << 30;   // 200 megapixels RGBA fit
  std::size_t total_bytes = std::size_t{2} << 30;
};

std::vector<std::uint8_t> encode_frame_header(const Frame& frame);  // up to the blank line, included

class FrameReader {
 public:
  explicit FrameReader(FrameLimits limits = {}) : limits_(limits) {}
  void feed(std::span<const std::uint8_t> bytes);
  std::optional<Frame> next();  // a complete frame, if one has arrived

 private:
  FrameLimits limits_;
  std::vector<std::uint8_t> buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace atelier::protocol
