// Base64 (RFC 4648, standard alphabet, padded). Pictures in replies have several MB,
// so both directions work on whole groups. Any thread; nothing is thrown but bad_alloc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::platform {

std::string base64_encode(std::span<const std::uint8_t> bytes);

// Strict: empty for a sign outside the alphabet, a wrong length, misplaced or missing padding. Line
// breaks and spaces between signs are allowed, because mail-style encoders put them there.
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);

}  // namespace atelier::platform
