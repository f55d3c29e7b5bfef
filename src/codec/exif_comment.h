// The one EXIF field that carries a picture's `parameters` in JPEG and WebP files: UserComment
// (EXIF 2.32, 4.6.5), written in UTF-16 big endian after the mark "UNICODE", as the tools that read
// it expect. Pure functions over untrusted bytes; a broken block is an empty optional.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::codec {

// A JPEG segment holds 65,533 bytes, so a longer text has no place: empty then.
std::optional<std::vector<std::uint8_t>> make_exif_comment(std::string_view text);
std::optional<std::string> read_exif_comment(std::span<const std::uint8_t> exif);

}  // namespace atelier::codec
