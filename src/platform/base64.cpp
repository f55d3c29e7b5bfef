#include "platform/base64.h"

#include <algorithm>
#include <array>

namespace atelier::platform {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kBad = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kBad);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr auto kValues = make_values();

bool is_space(char sign) { return sign == '\n' || sign == '\r' || sign == ' ' || sign == '\t'; }

std::uint32_t value_of(char sign) { return kValues[static_cast<unsigned char>(sign)]; }

// Four signs to three bytes; false when one is outside the alphabet (its value has the top bits
// set).
bool decode_group(const char* signs, std::uint8_t* out) {
  const std::uint32_t a = value_of(signs[0]), b = value_of(signs[1]), c = value_of(signs[2]),
                      d = value_of(signs[3]);
  if (((a | b | c | d) & 0xc0U) != 0) return false;
  const std::uint32_t bits = a << 18U | b << 12U | c << 6U | d;
  out[0] = static_cast<std::uint8_t>(bits >> 16U);
  out[1] = static_cast<std::uint8_t>(bits >> 8U);
  out[2] = static_cast<std::uint8_t>(bits);
  return true;
}

std::optional<std::vector<std::uint8_t>> decode_dense(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return std::vector<std::uint8_t>{};
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::vector<std::uint8_t> bytes(text.size() / 4 * 3);
  const std::size_t whole = text.size() / 4 - (padding > 0 ? 1 : 0);
  for (std::size_t i = 0; i < whole; ++i) {
    if (!decode_group(text.data() + i * 4, bytes.data() + i * 3)) return std::nullopt;
  }
  if (padding > 0) {
    std::array<char, 4> last{'A', 'A', 'A', 'A'};
    std::copy_n(text.end() - 4, 4 - padding, last.begin());
    if (!decode_group(last.data(), bytes.data() + whole * 3)) return std::nullopt;
    bytes.resize(bytes.size() - padding);
  }
  return bytes;
}

}  // namespace

std::string base64_encode(std::span<const std::uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  const auto put = [&](std::size_t group, std::uint32_t bits, std::size_t signs) {
    for (std::size_t i = 0; i < signs; ++i) {
      text[group * 4 + i] = kAlphabet[bits >> (18 - 6 * i) & 63U];
    }
  };
  const std::size_t whole = bytes.size() / 3;
  for (std::size_t i = 0; i < whole; ++i) {
    const std::uint8_t* from = bytes.data() + i * 3;
    put(i, std::uint32_t{from[0]} << 16U | std::uint32_t{from[1]} << 8U | from[2], 4);
  }
  const std::size_t rest = bytes.size() % 3;
  if (rest > 0) {
    std::uint32_t bits = std::uint32_t{bytes[whole * 3]} << 16U;
    if (rest == 2) bits |= std::uint32_t{bytes[whole * 3 + 1]} << 8U;
    put(whole, bits, rest + 1);
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text) {
  if (std::none_of(text.begin(), text.end(), is_space)) return decode_dense(text);
  std::string dense;
  dense.reserve(text.size());
  std::copy_if(text.begin(), text.end(), std::back_inserter(dense),
               [](char sign) { return !is_space(sign); });
  return decode_dense(dense);
}

}  // namespace atelier::platform
