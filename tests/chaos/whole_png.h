// Whether bytes are a PNG file that can be decoded: its sums, its pixels, its end.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include "picture_bytes.h"

namespace atelier::chaos {

// Of 8 bits per channel, not interlaced, as the station writes it.
inline bool is_whole_png(std::string_view bytes) {
  const auto size = api::png_size(bytes);
  if (size.width == 0 || bytes.size() < 33) return false;
  const int type = static_cast<unsigned char>(bytes[25]);
  const std::size_t channels = type == 6 ? 4 : type == 2 ? 3 : type == 4 ? 2 : 1;
  std::string packed;
  bool ended = false;
  for (std::size_t at = 8; !ended;) {
    if (at + 12 > bytes.size()) return false;
    const auto length = static_cast<std::size_t>(api::big_endian_at(bytes, at));
    if (length > bytes.size() - at - 12) return false;
    const auto name = bytes.substr(at + 4, 4), data = bytes.substr(at + 8, length);
    if (api::png_chunk(name, data) != bytes.substr(at, length + 12)) return false;
    if (name == "IDAT") packed += data;
    ended = name == "IEND";
    at += length + 12;
  }
  const std::size_t expected = size.height * (1 + size.width * channels);
  std::string pixels(expected, '\0');
  uLongf made = expected;
  return ::uncompress(reinterpret_cast<Bytef*>(pixels.data()), &made,
                      reinterpret_cast<const Bytef*>(packed.data()),
                      static_cast<uLong>(packed.size())) == Z_OK &&
         made == expected;
}

}  // namespace atelier::chaos
