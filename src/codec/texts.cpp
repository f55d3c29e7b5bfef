#include "codec/texts.h"

namespace atelier::codec {
namespace {

constexpr char32_t kReplacement = 0xfffd;

struct CodePoint {
  char32_t value = kReplacement;
  std::size_t bytes = 1;
  bool valid = false;
};

// The code point at the front of `text`, as RFC 3629 allows it (no overlong forms, no surrogates).
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t value = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    value = value << 6U | (byte(i) & 0x3fU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[size] || value > 0x10ffff || surrogate) return {};
  return {value, size, true};
}

void append_utf8(std::string& out, char32_t value) {
  const auto put = [&](char32_t byte) {
    out += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xc0U | value >> 6U);
    put(0x80U | (value & 0x3fU));
  } else if (value < 0x10000) {
    put(0xe0U | value >> 12U);
    put(0x80U | (value >> 6U & 0x3fU));
    put(0x80U | (value & 0x3fU));
  } else {
    put(0xf0U | value >> 18U);
    put(0x80U | (value >> 12U & 0x3fU));
    put(0x80U | (value >> 6U & 0x3fU));
    put(0x80U | (value & 0x3fU));
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (!point.valid) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char sign : text) append_utf8(out, static_cast<unsigned char>(sign));
  return out;
}

std::optional<std::string> utf8_to_latin1(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
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
    const CodePoint point = first_code_point(text);
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
