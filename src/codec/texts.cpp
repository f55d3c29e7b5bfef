#include "codec/texts.h"

#include "platform/utf8.h"

namespace atelier::codec {
namespace {

using platform::append_utf8;
using platform::first_code_point;

constexpr char32_t kReplacement = 0xfffd;

}  // namespace

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char sign : text) append_utf8(out, static_cast<unsigned char>(sign));
  return out;
}

std::optional<std::string> utf8_to_latin1(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto point = first_code_point(text);
    if (!point.valid || point.value > 0xff) return std::nullopt;
    out += static_cast<char>(static_cast<unsigned char>(point.value));
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string utf8_to_utf16be(std::string_view text) {
  std::string out;
  const auto put = [&](char32_t unit) {
    out += static_cast<char>(static_cast<unsigned char>(unit >> 8U));
    out += static_cast<char>(static_cast<unsigned char>(unit));
  };
  while (!text.empty()) {
    const auto point = first_code_point(text);
    if (point.value >= 0x10000) {
      put(0xd800U + ((point.value - 0x10000) >> 10U));
      put(0xdc00U + ((point.value - 0x10000) & 0x3ffU));
    } else {
      put(point.value);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string utf16_to_utf8(std::string_view bytes, bool big_endian) {
  const std::size_t count = bytes.size() / 2;
  const auto unit = [&](std::size_t i) -> char32_t {
    const auto first = static_cast<unsigned char>(bytes[2 * i]);
    const auto second = static_cast<unsigned char>(bytes[2 * i + 1]);
    return big_endian ? static_cast<char32_t>(first << 8 | second)
                      : static_cast<char32_t>(second << 8 | first);
  };
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    char32_t value = unit(i);
    if (value >= 0xd800 && value <= 0xdfff) {
      const bool pair =
          value < 0xdc00 && i + 1 < count && unit(i + 1) >= 0xdc00 && unit(i + 1) <= 0xdfff;
      value = pair ? 0x10000 + ((value - 0xd800) << 10U) + (unit(i + 1) - 0xdc00) : kReplacement;
      if (pair) ++i;
    }
    append_utf8(out, value);
  }
  return out;
}

}  // namespace atelier::codec
