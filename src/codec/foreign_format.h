// What a file is that is no picture we read, by its first bytes, so that a refusal can name it.
// Pure, any thread; nothing is decoded.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace atelier::codec {

// "a PDF document", "SVG", "gzip" …; "" when it is not recognised.
std::string_view foreign_format(std::span<const std::uint8_t> file);

}  // namespace atelier::codec
