// The format of a file that is not a supported picture, by its first bytes, for error sentences.
// Pure, any thread; nothing is decoded.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace atelier::codec {

// "a PDF document", "SVG", "gzip" …; "" when it is not recognised.
std::string_view foreign_format(std::span<const std::uint8_t> file);

}  // namespace atelier::codec
