// A text that a picture's file carries, and the character sets that such texts come in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace atelier::codec {

struct TextEntry {
  std::string key, value;  // UTF-8
};

// Limits of what is read from a file: megabytes of text chunks would only use
// memory.
inline constexpr std::size_t kTextsMax = 64;
inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;  // of one text
// Of all, keys included: JSON writes a control character in six bytes, and a message takes 16 MB.
inline constexpr std::size_t kTextBytesTotalMax = std::size_t{2} << 20;

std::string latin1_to_utf8(std::string_view text);
std::optional<std::string> utf8_to_latin1(std::string_view text);  // empty: does not fit

std::string utf8_to_utf16be(std::string_view text);
// Broken surrogates become U+FFFD.
std::string utf16_to_utf8(std::string_view bytes, bool big_endian);

}  // namespace atelier::codec
