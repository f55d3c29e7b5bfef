// A picture as a plain value: 8-bit, interleaved, rows top to bottom without padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace atelier::media {

struct Image {
  int width = 0, height = 0;
  int channels = 3;                  // 1 grey, 3 RGB, 4 RGBA (not premultiplied)
  std::vector<std::uint8_t> pixels;  // width * height * channels

  bool empty() const { return pixels.empty(); }
  std::size_t byte_count() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(channels);
  }
};

}  // namespace atelier::media
