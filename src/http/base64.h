// Base64 (RFC 4648, standard alphabet, padded) by libsodium, as pictures and passwords arrive in
// requests. (platform/base64.h is for the layers that link no library.) Any thread; nothing is
// thrown but bad_alloc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::http {

std::string base64_encode(std::span<const std::uint8_t> bytes);

// Empty for a character outside the alphabet, a wrong length, misplaced or missing padding, and for
// bits behind the last byte that no encoder sets. Line breaks and spaces between characters are
// skipped, because mail-style encoders write them.
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);

}  // namespace atelier::http
