// PNG files written and parsed here, so that the tests need no image library.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace atelier::api {

inline std::string big_endian(std::uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xffU);
  return text;
}

// A side of a PNG file from its header; not of a PNG file: anything.
inline int big_endian_at(std::string_view bytes, std::size_t at) {
  int value = 0;
  for (std::size_t i = at; i < at + 4 && i < bytes.size(); ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}
inline int width_of(std::string_view png) { return big_endian_at(png, 16); }
inline int height_of(std::string_view png) { return big_endian_at(png, 20); }

inline std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string{type} + std::string{data};
  const auto sum =
      ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body +
         big_endian(static_cast<std::uint32_t>(sum));
}

inline std::string deflated(std::string_view bytes) {
  uLongf size = ::compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  ::compress(reinterpret_cast<Bytef*>(out.data()), &size,
             reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()));
  out.resize(size);
  return out;
}

// RGB in one colour. `lying`: only the first rows are really there.
enum class Rows { kAll, kFirstOnly };
inline std::string png(std::uint32_t width, std::uint32_t height, Rows rows = Rows::kAll) {
  const std::uint32_t there = rows == Rows::kAll ? height : 1;
  std::string raw;
  for (std::uint32_t y = 0; y < there; ++y) {
    raw += '\0';
    for (std::uint32_t x = 0; x < (rows == Rows::kAll ? width : 16U); ++x) raw += "\x20\x60\xc0";
  }
  const std::string header =
      big_endian(width) + big_endian(height) + std::string("\x08\x02\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", deflated(raw)) +
         png_chunk("IEND", "");
}

// RGBA, each pixel as the function of (x, y) says: 0xrrggbbaa.
template <class Pixel>
std::string rgba_png(std::uint32_t width, std::uint32_t height, Pixel pixel) {
  std::string raw;
  for (std::uint32_t y = 0; y < height; ++y) {
    raw += '\0';
    for (std::uint32_t x = 0; x < width; ++x) raw += big_endian(pixel(x, y));
  }
  const std::string header =
      big_endian(width) + big_endian(height) + std::string("\x08\x06\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", deflated(raw)) +
         png_chunk("IEND", "");
}

struct PngSize {
  std::uint32_t width = 0, height = 0;  // 0: not a PNG
};
inline PngSize png_size(std::string_view bytes) {
  if (bytes.size() < 24 || !bytes.starts_with("\x89PNG\r\n\x1a\n")) return {};
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
  };
  return {number(16), number(20)};
}

}  // namespace atelier::api
