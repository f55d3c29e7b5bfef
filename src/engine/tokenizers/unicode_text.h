// The part of Unicode that tokenizers need, equal to the reference's tokenizer library
// (tables made by tools/reference/make_unicode_tables.py). Pure, cannot fail.
#pragma once

#include <string>
#include <string_view>

namespace atelier::engine {

// Invalid UTF-8 becomes U+FFFD.
std::u32string decode_utf8(std::string_view text);

std::u32string normalize_nfc(const std::u32string& text);
std::u32string to_lower(const std::u32string& text);  // one by one: no final sigma
bool is_letter(char32_t code_point);                  // \p{L}
bool is_number(char32_t code_point);                  // \p{N}
bool is_space(char32_t code_point);                   // \s

}  // namespace atelier::engine
