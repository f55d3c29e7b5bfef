#include "platform/utf8.h"

namespace atelier::platform {
namespace {

constexpr std::size_t kSequenceMax = 4;

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

std::size_t bytes_after(unsigned char lead) {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = 1 + bytes_after(lead);
  if (size == 1 || text.size() < size) return {};
  char32_t value = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (!continues(text[i])) return {};
    value = value << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
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

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (!point.valid) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

void append_valid_utf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (point.valid) {
      out += text.substr(0, point.bytes);
    } else {
      append_utf8(out, point.value);
    }
    text.remove_prefix(point.bytes);
  }
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_valid_utf8(out, text);
  return out;
}

std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  // Back to the lead byte of the sequence that the limit would divide, if there is one.
  std::size_t lead = bytes_max;
  while (lead > 0 && bytes_max - lead < kSequenceMax - 1 && continues(text[lead])) --lead;
  const CodePoint divided = first_code_point(text.substr(lead));
  const bool divides = divided.valid && lead + divided.bytes > bytes_max;
  return std::string(text.substr(0, divides ? lead : bytes_max));
}

}  // namespace atelier::platform
