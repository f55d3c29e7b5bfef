// The text chunks of a PNG file (PNG specification, 11.3.3): read and written on the bytes
// themselves, because libvips keeps neither their character set nor iTXt. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/texts.h"

namespace atelier::codec {

bool is_png(std::span<const std::uint8_t> file);

// tEXt, zTXt and iTXt, in their order, within the bounds of texts.h. A broken chunk ends the
// reading; nothing is thrown: the pixels may be fine.
std::vector<TextEntry> read_png_texts(std::span<const std::uint8_t> file);

// The same picture without its compressed texts, which libpng would inflate whole, whatever they
// grow to. Empty when there are none to leave out; behind a broken chunk nothing is left out.
std::vector<std::uint8_t> without_compressed_texts(std::span<const std::uint8_t> file);

// The file with the texts after its header: tEXt when the value fits Latin-1, else iTXt, as Pillow
// does and as readers of the `parameters` key expect. Throws kInvalidArgument for a key that PNG
// does not allow (1 to 79 printable Latin-1 characters).
std::vector<std::uint8_t> with_png_texts(std::span<const std::uint8_t> file,
                                         const std::vector<TextEntry>& texts);

}  // namespace atelier::codec
