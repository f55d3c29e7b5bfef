// Text as UTF-8 (RFC 3629: no overlong forms, no surrogates). Text from outside may be
// any bytes: the writers of JSON, of the log and of pictures pass it through valid_utf8(), and
// every quotation is shortened by cut(). Pure functions, any thread; they never fail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atelier::platform {

struct CodePoint {
  char32_t value = 0xfffd;  // U+FFFD for a byte that begins no valid sequence
  std::size_t bytes = 1;
  bool valid = false;
};

CodePoint first_code_point(std::string_view text);  // of a text that is not empty
void append_utf8(std::string& out, char32_t value);

bool is_utf8(std::string_view text);
// The same text where it is valid; U+FFFD for each byte that is part of no valid sequence.
std::string valid_utf8(std::string_view text);
void append_valid_utf8(std::string& out, std::string_view text);

// At most the first `bytes_max` bytes, shorter where a code point would be cut. Bytes that are not
// UTF-8 are kept as they are.
std::string cut(std::string_view text, std::size_t bytes_max);

}  // namespace atelier::platform
