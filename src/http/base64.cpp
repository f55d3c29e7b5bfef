#include "http/base64.h"

#include <sodium.h>

#include <algorithm>

namespace atelier::http {

std::string base64_encode(std::span<const std::uint8_t> bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
  text.pop_back();  // the zero that ends it
  return text;
}

std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text) {
  // libsodium skips NUL and reads some bytes above 0x7f as characters of the alphabet.
  if (std::ranges::any_of(text, [](char c) { return c <= 0 || c > 0x7e; })) return std::nullopt;
  std::vector<std::uint8_t> bytes(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  const int problem = sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(),
                                        " \t\r\n", &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
  if (problem != 0) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

}  // namespace atelier::http
